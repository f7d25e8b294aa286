// The robot of a virtual library: a medium changer device server (SMC-3). It tells what it saw at its last inventory
// and what it moved since; where the cartridges really are is the shelf's. Internal to drives/virtual. Thread contract:
// the caller holds mutex(); it takes the drives' mutexes by itself (changer before drive, always).
#pragma once

#include "drives/scsi/smc.hpp"
#include "drives/virtual/library.hpp"
#include "drives/virtual/shelf.hpp"
#include "drives/virtual/tape_drive.hpp"

namespace capstan::virtual_library {

class MediumChanger final : public DeviceServer {
  public:
    MediumChanger(Identity identity, const LibraryGeometry& geometry, const Timing& timing, Shelf& shelf,
                  std::vector<std::unique_ptr<TapeDrive>>& drives);

    bool is_slot(ElementAddress element) const { return is(element, scsi::ElementType::storage); }
    bool is_port(ElementAddress element) const { return is(element, scsi::ElementType::import_export); }
    bool is_drive(ElementAddress element) const { return is(element, scsi::ElementType::data_transfer); }
    bool is_element(ElementAddress element) const { return index_of(element).has_value(); }

    void port_used(ElementAddress port);
    void open_door() { door_open_ = true; }
    void close_door();
    bool door_open() const { return door_open_; }
    void set_jams(std::vector<RobotJam> jams);
    void add_jam(RobotJam jam) {  // counted from now on
        jam.move += moves_;
        jams_.push_back(jam);
    }
    void clear_jam() { jammed_ = false; }
    void power_cycle();
    void insert_into_drives();  // power-on: each drive finds its cartridge

  protected:
    Answer run(const Command& command) override;
    std::optional<Sense> pending(const Command&) override { return std::nullopt; }
    Sense state() const override { return Sense{.code = not_ready().value_or(SenseCode{})}; }

  private:
    struct Element {
        ElementAddress address{};
        scsi::ElementType type = scsi::ElementType::storage;
        std::size_t drive = 0;  // of data transfer elements
        // What the robot believes.
        bool full = false;
        MediumInfo::Barcode barcode = MediumInfo::Barcode::readable;
        VolumeTag volume_tag;
    };
    std::optional<std::size_t> index_of(ElementAddress element) const;
    bool is(ElementAddress element, scsi::ElementType type) const;
    std::optional<SenseCode> not_ready() const;
    void look(Element& element);  // with the barcode reader
    void look_everywhere();
    scsi::ElementStatus status(const Element& element, bool volume_tags, bool device) const;

    Answer read_element_status(const Command& command);
    Answer initialize_range(const Command& command);
    Answer move_medium(const Command& command);
    Answer exchange_medium(const Command& command);
    Answer position_to_element(const Command& command);
    std::optional<SenseCode> may_exchange(const Element& source, const Element& destination, const Element& second) const;
    std::optional<SenseCode> swap(Element& source, Element& destination, Element& second);
    std::optional<std::size_t> picker_of(BigEndian<2> address) const;  // 0: the default one; empty: no picker
    std::chrono::microseconds robot_time() const;
    void take_out(const Element& element);                             // where it is a drive
    void put_in(const Element& element, std::chrono::microseconds after);
    std::optional<SenseCode> may_move(const Element& source, const Element& destination, ElementAddress picker) const;
    std::optional<SenseCode> carry(Element& source, Element& destination, Element& picker);
    std::optional<SenseCode> jam(RobotJam::Where where);
    Answer mode_sense(const Command& command);

    const LibraryGeometry& geometry_;
    const Timing& timing_;
    Shelf& shelf_;
    std::vector<std::unique_ptr<TapeDrive>>& drives_;
    std::vector<Element> elements_;  // ascending by address
    bool door_open_ = false;
    bool jammed_ = false;
    std::vector<RobotJam> jams_;
    std::uint64_t moves_ = 0;  // since the plan was set
};

}  // namespace capstan::virtual_library
