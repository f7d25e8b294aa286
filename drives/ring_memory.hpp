// Memory of rings, kept between jobs: to touch new pages for each of them costs as much as to copy the data into them.
// Any thread: a device that hangs gives its ring back whenever it ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace capstan::drives {

class RingMemory {
  public:
    using Piece = std::shared_ptr<std::uint8_t>;  // page aligned; idle again once its last owner has let go of it
    RingMemory();
    Piece take(std::size_t size);  // the smallest idle piece that is large enough, or a new one
    void release_idle();           // gives what is idle back to the system
    std::size_t idle_bytes() const;

  private:
    struct Idle;
    std::shared_ptr<Idle> idle_;
};

}  // namespace capstan::drives
