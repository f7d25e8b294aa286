// Cartridges and their sides. Every change of place, pool or state writes an audit row beside it. Questions about one
// cartridge, one place, one tag or one label are answered from an index.
#pragma once

#include "pools/on_medium.hpp"
#include "pools/store/store.hpp"
#include "pools/transitions.hpp"

#include <vector>

namespace capstan::pools {

// What a label that was just read back says.
struct LabelWritten {
    Uuid media_id;
    MediaFamilyId family{};
    std::uint16_t sequence = 1;
    WriteGeneration generation{};
    std::uint32_t block_size = 0;
    BlockNumber recorded_end{};  // where the first set begins
    Wall appendable_until{}, keep_until{};
};

struct CartridgeFilter {
    std::optional<PoolId> pool;
    std::optional<SideState> state;
    std::optional<LibraryName> library;
    std::optional<PlaceKind> place;
    CartridgeId after{};  // the last one of the page before
    std::uint32_t limit = 1000;
};

class Cartridges {
  public:
    explicit Cartridges(StateStore& store) : store_(store) {}

    Result<CartridgeId> add(WriteTransaction& transaction, const Cartridge& cartridge, const AuditNote& note);
    Result<Cartridge> get(CartridgeId id);  // change_request if there is none
    Result<std::vector<Cartridge>> by_tag(const VolumeTag& tag);
    Result<std::optional<Cartridge>> by_media_id(const Uuid& media_id);
    Result<std::optional<Cartridge>> at(const LibraryName& library, const Place& place);
    Result<std::vector<Cartridge>> in_library(const LibraryName& library);
    Result<std::vector<Cartridge>> list(const CartridgeFilter& filter);

    // One place holds one cartridge: moving on to a taken place is refused by the database. Offline: empty library.
    Result<void> set_place(WriteTransaction& transaction, CartridgeId id, const LibraryName& library,
                           const Place& place, const AuditNote& note);
    Result<void> set_pool(WriteTransaction& transaction, CartridgeId id, PoolId pool, const AuditNote& note);
    // By the table of transitions.hpp; change_request names cartridge, state and event.
    Result<SideState> apply(WriteTransaction& transaction, CartridgeId id, SideEvent event, const AuditNote& note);
    // Event `labelled` and everything the label says; bytes written and last set begin anew; sets that had data here
    // lose their extents (the caller checked that they had expired, or an operator's word).
    Result<void> labelled(WriteTransaction& transaction, CartridgeId id, const LabelWritten& label,
                          const AuditNote& note);

    // A label that this database did not write: what it says is kept with the cartridge (Import). The media id is left
    // out if another cartridge has it.
    Result<void> label_seen(WriteTransaction& transaction, CartridgeId id, const LabelOnMedium& label,
                            const AuditNote& note);

    // Small facts; audited like the rest.
    Result<void> set_suspect(WriteTransaction& transaction, CartridgeId id, bool suspect, const AuditNote& note);
    Result<void> set_write_protected(WriteTransaction& transaction, CartridgeId id, bool protect,
                                     const AuditNote& note);
    Result<void> set_duplicate_tag(WriteTransaction& transaction, CartridgeId id, bool duplicate,
                                   const AuditNote& note);
    Result<void> set_must_identify(WriteTransaction& transaction, CartridgeId id, bool must, const AuditNote& note);
    Result<void> set_volume_tag(WriteTransaction& transaction, CartridgeId id, const VolumeTag& tag,
                                const AuditNote& note);
    Result<void> set_hold(WriteTransaction& transaction, CartridgeId id, const std::string& why, const AuditNote& note);
    Result<void> set_description(WriteTransaction& transaction, CartridgeId id, const std::string& text,
                                 const AuditNote& note);
    // As the drive names it (MODE SENSE); 0 changes nothing.
    Result<void> set_density(WriteTransaction& transaction, CartridgeId id, std::uint8_t density, const AuditNote& note);
    Result<void> count_mount(WriteTransaction& transaction, CartridgeId id, Wall at);
    // The row of a cartridge that turned out to be another one. Refused if it was ever labelled or holds data.
    Result<void> remove_unused(WriteTransaction& transaction, CartridgeId id, const AuditNote& note);

  private:
    StateStore& store_;
};

struct AuditRow {
    std::int64_t id = 0;
    AuditNote note;
    CartridgeId cartridge{};  // 0: not about one
    std::string what;         // "place", "pool", "state", "permit", …
    std::string before, after;
};
class Audit {
  public:
    explicit Audit(StateStore& store) : store_(store) {}
    Result<void> add(WriteTransaction& transaction, const AuditRow& row);
    Result<std::vector<AuditRow>> of(CartridgeId cartridge, std::uint32_t newest_max = 100);  // newest first

  private:
    StateStore& store_;
};

}  // namespace capstan::pools
