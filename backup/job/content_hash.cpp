#include "backup/job/content_hash.hpp"

#include <xxhash.h>

#include <cstring>

namespace capstan::backup {

struct ContentHasher::State {
    XXH3_state_t* xxh = XXH3_createState();
    ~State() { XXH3_freeState(xxh); }
};

namespace {

catalog::ContentHash canonical(XXH128_hash_t hash) {
    XXH128_canonical_t bytes;
    XXH128_canonicalFromHash(&bytes, hash);
    catalog::ContentHash result;
    std::memcpy(result.data(), bytes.digest, result.size());
    return result;
}

}  // namespace

ContentHasher::ContentHasher() : state_(std::make_unique<State>()) {}
ContentHasher::~ContentHasher() = default;

void ContentHasher::begin() { XXH3_128bits_reset(state_->xxh); }

void ContentHasher::add(Bytes bytes) { XXH3_128bits_update(state_->xxh, bytes.data(), bytes.size()); }

catalog::ContentHash ContentHasher::value() const { return canonical(XXH3_128bits_digest(state_->xxh)); }

}  // namespace capstan::backup
