// XXH3-128 over an object's data as stored: what CHSH and the catalog hold.
#pragma once

#include "catalog/object.hpp"
#include "config/base/bytes.hpp"

#include <memory>

namespace capstan::backup {

class ContentHasher {
  public:
    ContentHasher();
    ~ContentHasher();
    void begin();
    void add(Bytes bytes);
    catalog::ContentHash value() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace capstan::backup
