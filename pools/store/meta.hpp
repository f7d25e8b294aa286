// Facts about the installation that are one value each: next numbers, the last believed wall time, the two stops.
#pragma once

#include "pools/media.hpp"
#include "pools/store/store.hpp"

namespace capstan::pools {

class Meta {
  public:
    explicit Meta(StateStore& store) : store_(store) {}
    Result<std::optional<std::string>> get(const std::string& key);
    Result<void> set(WriteTransaction& transaction, const std::string& key, const std::string& value);
    Result<void> clear(WriteTransaction& transaction, const std::string& key);

    // Numbers from 1. Commit before a number goes to a medium: an undone transaction gives it again.
    Result<SetNumber> next_set();
    Result<MediaFamilyId> next_family();
    Result<SetNumber> take_set(WriteTransaction& transaction);
    Result<MediaFamilyId> take_family(WriteTransaction& transaction);
    // A medium bears a number that this database never gave: it will not give it either.
    Result<void> numbers_seen(WriteTransaction& transaction, SetNumber set, MediaFamilyId family);

    // Rule 11: the database is older than what a medium says. Kept until an operator, after the media it had not seen
    // were imported, clears it. Both are audited. The first reason stays.
    Result<std::string> overwrite_stop();  // empty: none
    Result<void> stop_overwriting(WriteTransaction& transaction, const std::string& why, const AuditNote& note);
    Result<void> clear_overwrite_stop(WriteTransaction& transaction, const AuditNote& note);

  private:
    Result<std::uint64_t> number(const std::string& key);
    Result<std::uint64_t> take(WriteTransaction& transaction, const std::string& key);
    StateStore& store_;
};

}  // namespace capstan::pools
