// decodes: catalog/segment_header.cpp
// The segment's header and a directory's row in the tree: what either decoder takes, it must write again and read the same.
#include "catalog/segment_file.hpp"
#include "catalog/segment_header.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace capstan::catalog;
    capstan::Bytes bytes(data, size);
    if (auto header = decode_header(bytes)) {
        auto again = decode_header(encode_header(*header));
        if (!again || !(*again == *header)) std::abort();
        (void)locate(merge_extents({&*header}), header->first_fla);
    }
    TreeRow row;
    if (decode_tree_facts(bytes, row)) {
        TreeRow again;
        if (!decode_tree_facts(encode_tree_facts(row), again) || again.facts != row.facts) std::abort();
    }
    return 0;
}
