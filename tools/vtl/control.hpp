// The operator's hands for a library that serves: one line of text is one act. Any thread.
#pragma once

#include "tools/vtl/target.hpp"

#include <string>
#include <string_view>

namespace capstan::iscsi {

class Control {
  public:
    explicit Control(std::shared_ptr<Target> target) : target_(std::move(target)) {}
    // The answer is whole lines, or empty. change_request: no such act, or the library refuses it.
    Result<std::string> obey(std::string_view line);
    static std::string help();  // a line for each act

  private:
    using Words = std::span<const std::string>;
    struct Act {
        std::string_view name, parameters, meaning;
        std::size_t least, most;  // parameters
        Result<std::string> (Control::*run)(Words words);
    };
    static std::span<const Act> acts();

    Result<std::string> show_help(Words words);
    Result<std::string> list(Words words);
    Result<std::string> make(Words words);
    Result<std::string> insert(Words words);
    Result<std::string> remove(Words words);
    Result<std::string> swap(Words words);
    Result<std::string> door(Words words);
    Result<std::string> protect(Words words);
    Result<std::string> power_cycle(Words words);
    Result<std::string> reset(Words words);
    Result<std::string> take_attentions(Words words);
    Result<std::string> locate(Words words);
    Result<std::string> reserve(Words words);
    Result<std::string> key(Words words);
    Result<std::string> replace(Words words);
    Result<std::string> hang(Words words);
    Result<std::string> resume(Words words);
    Result<std::string> drop_sessions(Words words);
    Result<std::string> medium_fault(Words words);
    Result<std::string> command_fault(Words words);
    Result<std::string> jam(Words words);
    Result<std::string> clear_faults(Words words);

    virtual_library::VirtualLibrary& library() { return target_->library(); }
    Result<std::string> cartridge_of(const std::string& name);
    Result<std::uint8_t> unit_of(const std::string& name);       // changer, drive1 …: LUN
    Result<ElementAddress> element_of(const std::string& name);  // slot1, port1
    std::string place_of(std::optional<ElementAddress> element);

    std::shared_ptr<Target> target_;
};

}  // namespace capstan::iscsi
