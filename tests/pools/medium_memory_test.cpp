// The text that is left in a cartridge's memory, and where it comes from.
#include "support.hpp"

#include "pools/medium_memory.hpp"

namespace capstan::pools {
namespace {

const Uuid kMedia{"0b3c9f52-1f0e-4f0c-9d7a-6a1f0a2b3c4d"}, kSet{"5e7d8c9b-0a1b-4c2d-8e3f-112233445566"};

TEST(MediumMemory, ComesBackAsItWasWritten) {
    const Wall late{std::chrono::seconds{1'790'000'000}};
    for (auto keep : {kForever, late, Wall{std::chrono::seconds{1}}}) {
        for (int sets = 0; sets < 4; ++sets) {
            MediumMemory memory{kMedia, WriteGeneration{4'000'000'000}, BlockNumber{1ull << 40}, keep, {}, {}, false};
            if (sets & 1) memory.last_closed = SetOnMedium{SetNumber{7}, kSet, keep};
            if (sets & 2) memory.unfinished = SetOnMedium{SetNumber{4'000'000'000}, kSet, late};
            const auto text = encode(memory);
            EXPECT_LE(text.size(), 300U) << text;
            EXPECT_EQ(decode_medium_memory(text), memory) << text;
            for (std::size_t cut = 0; cut < text.size(); ++cut) {
                const auto shorter = decode_medium_memory(text.substr(0, cut));
                EXPECT_TRUE(!shorter || *shorter != memory);
            }
        }
    }
}

TEST(MediumMemory, OnlyWhatIsCurrentProvesTheEnd) {
    OnMedium medium;
    EXPECT_FALSE(take_end_from_memory(medium));
    medium.memory = MediumMemory{kMedia, WriteGeneration{1}, BlockNumber{99}, kForever, SetOnMedium{SetNumber{7}, kSet, kForever}, {}, false};
    EXPECT_FALSE(take_end_from_memory(medium));
    EXPECT_EQ(medium.end, EndSearch::not_done);
    medium.memory->current = true;
    EXPECT_TRUE(take_end_from_memory(medium));
    EXPECT_EQ(medium.end, EndSearch::found);
    EXPECT_EQ(medium.end_of_data, BlockNumber{99});
    EXPECT_EQ(medium.last_closed->number, SetNumber{7});
}

}  // namespace
}  // namespace capstan::pools
