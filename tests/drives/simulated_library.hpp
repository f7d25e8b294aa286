// A virtual library in a scratch directory, a control loop and simulated time: the ground of the tests of drives and changer.
#pragma once

#include "config/base/clock.hpp"
#include "config/base/log.hpp"
#include "drives/scsi/commands.hpp"
#include "drives/scsi/inline_device.hpp"
#include "drives/virtual/cartridge_file.hpp"
#include "drives/virtual/virtual_transport.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace capstan::test {

namespace vl = virtual_library;

class ScratchDirectory {
  public:
    ScratchDirectory() {
        auto pattern = (std::filesystem::temp_directory_path() / "capstan-drives-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }
    ~ScratchDirectory() { std::filesystem::remove_all(path_); }
    ScratchDirectory(const ScratchDirectory&) = delete;
    ScratchDirectory& operator=(const ScratchDirectory&) = delete;
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

class SimulatedLibrary {
  public:
    explicit SimulatedLibrary(vl::LibraryGeometry geometry = {}, std::shared_ptr<vl::FixedTime> times = nullptr) : loop(context) {
        log::set_output([](log::Level, const std::string&) {});
        vl::LibraryOptions options;
        options.timing.mode = vl::TimeMode::simulated;
        options.timing.model = times;
        options.timing.now = [this] { return clock.now(); };
        options.timing.sleep = [this](std::chrono::microseconds time) { clock.pass(time); };
        auto opened = vl::VirtualLibrary::open(directory_.path(), geometry, options);
        if (!opened) throw std::runtime_error(to_text(opened.error()));
        library = *opened;
    }
    ~SimulatedLibrary() {
        clock.drop();
        loop.drop();
        poll();
    }

    void poll() {
        context.restart();
        context.poll();
    }
    // Runs until the task is done; nothing else moves the clock.
    template <class T>
    T run(Task<T> task) {
        std::optional<T> result;
        loop.spawn(store(std::move(task), result));
        for (poll(); !result; poll()) {
            if (!clock.advance()) throw std::runtime_error("the task waits for something that never happens");
        }
        return std::move(*result);
    }

    std::shared_ptr<scsi::Transport> transport(std::uint8_t lun, vl::NexusId nexus = vl::NexusId{1}) const {
        return std::make_shared<vl::VirtualTransport>(library, nexus, lun);
    }
    std::shared_ptr<scsi::Device> device(std::uint8_t lun, std::string name) {
        return std::make_shared<scsi::InlineDevice>(loop, clock, transport(lun), std::move(name));
    }
    ElementAddress slot(std::uint16_t number) const { return at(library->geometry().slots, number); }
    ElementAddress drive(std::uint16_t number) const { return at(library->geometry().drives, number); }
    ElementAddress port(std::uint16_t number) const { return at(library->geometry().ports, number); }
    // The robot, by a nexus of its own; unit attentions are taken.
    void robot_moves(ElementAddress source, ElementAddress destination) {
        auto robot = transport(0, vl::NexusId{99});
        for (int i = 0; i < 8; ++i) {
            auto sense = scsi::test_unit_ready(*robot);
            if (sense && !*sense) break;
        }
        auto moved = scsi::move_medium(*robot, ElementAddress{0}, source, destination);
        if (!moved) throw std::runtime_error(to_text(moved.error()));
    }
    std::string cartridge_in(ElementAddress element) const {
        for (const auto& cartridge : library->cartridges()) {
            if (cartridge.element == element) return cartridge.id;
        }
        return {};
    }

    asio::io_context context;
    Loop loop;
    SimClock clock{Wall{std::chrono::seconds{1'700'000'000}}};
    std::shared_ptr<vl::VirtualLibrary> library;

  private:
    template <class T>
    static Task<void> store(Task<T> task, std::optional<T>& result) {
        result.emplace(co_await std::move(task));
    }
    static ElementAddress at(const vl::ElementRange& range, std::uint16_t number) {
        return ElementAddress{static_cast<std::uint16_t>(range.first + (number - 1) * range.stride)};
    }
    ScratchDirectory directory_;
};

}  // namespace capstan::test
