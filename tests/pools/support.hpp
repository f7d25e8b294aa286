// A state directory that goes away, a store in it, and values to start from.
#pragma once

#include "config/base/clock.hpp"
#include "pools/store/cartridges.hpp"
#include "pools/store/meta.hpp"
#include "pools/store/pool_rows.hpp"
#include "pools/store/set_rows.hpp"
#include "pools/store/store.hpp"
#include "pools/store/work_rows.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace capstan::pools {

using namespace std::chrono_literals;

inline const Wall kStart{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22}};
inline const AuditNote kNote{"test", "because", kStart};

class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        std::string pattern = std::filesystem::temp_directory_path() / "capstan-pools-XXXXXX";
        path_ = ::mkdtemp(pattern.data());
    }
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

#define ASSERT_OK(expression)                                             \
    do {                                                                  \
        auto ok_result = (expression);                                    \
        ASSERT_TRUE(ok_result.has_value()) << to_text(ok_result.error()); \
    } while (false)

// The value of a result that must be there.
template <class T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(to_text(result.error()));
    return std::move(*result);
}
inline void must(Result<void> result) {
    if (!result) throw std::runtime_error(to_text(result.error()));
}

class StoreTest : public testing::Test {
  protected:
    StoreTest() { open(); }
    void open() {
        store_.reset();
        store_ = must(StateStore::open(directory_.path() + "/state", entropy_));
    }
    StateStore& store() { return *store_; }

    // Runs `change(transaction)` and commits.
    template <class Change>
    auto change(Change call) {
        auto transaction = must(WriteTransaction::begin(*store_));
        if constexpr (std::is_same_v<decltype(call(transaction)), Result<void>>) {
            must(call(transaction));
            must(transaction.commit());
        } else {
            auto value = must(call(transaction));
            must(transaction.commit());
            return value;
        }
    }

    PoolId make_pool(const std::string& name, const PoolPolicy& policy = {}) {
        return change([&](auto& transaction) {
            return Pools(store()).create(transaction, {PoolId{}, {name}, PoolKind::application, policy});
        });
    }
    Cartridge cartridge(const std::string& tag, std::uint32_t slot, PoolId pool,
                        SideState state = SideState::available) {
        Cartridge one;
        one.volume_tag.text = tag;
        one.library.text = "LIB1";
        one.place = {PlaceKind::slot, std::to_string(slot)};
        one.pool = pool;
        one.side.state = state;
        one.created = kStart;
        return one;
    }
    CartridgeId add(const Cartridge& one) {
        return change([&](auto& transaction) { return Cartridges(store()).add(transaction, one, kNote); });
    }
    Cartridge get(CartridgeId id) { return must(Cartridges(store()).get(id)); }
    // A labelled medium of a new family, allocated, ready for its first set at block 2.
    struct Written {
        CartridgeId id{};
        MediaFamily family;
    };
    Written allocated(const std::string& tag, std::uint32_t slot, PoolId pool) {
        const auto id = add(cartridge(tag, slot, pool));
        const auto row = must(Pools(store()).get(pool));
        MediaFamily family;
        change([&](WriteTransaction& transaction) -> Result<void> {
            CAPSTAN_TRY(family, Families(store()).begin(transaction, row, kStart));
            CAPSTAN_CHECK(Families(store()).medium_added(transaction, family.id, 1));
            const LabelWritten label{Uuid{"media-" + tag},    family.id,        1,
                                     WriteGeneration{1},      262144,           BlockNumber{2},
                                     family.appendable_until, family.keep_until};
            CAPSTAN_CHECK(Cartridges(store()).labelled(transaction, id, label, kNote));
            CAPSTAN_CHECK(Cartridges(store()).apply(transaction, id, SideEvent::allocate, kNote));
            return {};
        });
        return {id, must(Families(store()).get(family.id))};
    }
    Set set_row(PoolId pool, MediaFamilyId family, const std::string& uuid, Wall keep_until) {
        Set set;
        set.uuid.text = uuid;
        set.name = "nightly";
        set.type = "normal";
        set.pool = pool;
        set.family = family;
        set.mtf_number = 1;
        set.started = kStart;
        set.keep_until = keep_until;
        return set;
    }
    CheckpointRecord checkpoint(SetNumber set, CartridgeId id, std::uint64_t first, std::uint64_t end,
                                const std::string& segment) {
        CheckpointRecord record;
        record.set = set;
        record.cartridge = id;
        record.extent = {set, id, 1, 0, BlockNumber{first}, BlockNumber{end}};
        record.recorded_end = BlockNumber{end};
        record.mtf_number = 1;
        record.bytes_on_medium = 1000;
        if (!segment.empty()) record.segment = CatalogSegment{set, 0, segment, 5};
        record.objects = 5;
        record.bytes = 900;
        record.at = kStart;
        return record;
    }
    // A complete set from block `first` to `end` (its ESET and filemark included).
    SetNumber write_set(const Written& medium, PoolId pool, const std::string& uuid, std::uint64_t first,
                        std::uint64_t end, Wall keep_until) {
        const auto number = change([&](auto& transaction) {
            return Sets(store()).begin(transaction, set_row(pool, medium.family.id, uuid, keep_until));
        });
        must(finish_set(store(), checkpoint(number, medium.id, first, end, uuid), kStart));
        return number;
    }

    SeededEntropy entropy_{1};
    TemporaryDirectory directory_;
    std::unique_ptr<StateStore> store_;
};

}  // namespace capstan::pools
