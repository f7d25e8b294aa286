// What the API says of an object of the catalog: with names of owners as this machine knows them, and where it lies.
#pragma once

#include "catalog/catalog.hpp"
#include "daemon/api/job_types.hpp"

#include <map>
#include <unordered_map>

namespace capstan::daemon {

// For one question, on the worker's thread (it reads segment headers and asks for user names).
class ObjectDescriber {
  public:
    explicit ObjectDescriber(catalog::Catalog& catalog) : catalog_(catalog) {}
    // `name`: as it is to be shown.
    api::ObjectInfo describe(const catalog::Object& object, std::string name, SetNumber set);

  private:
    const std::vector<catalog::MediaExtent>& extents_of(SetNumber set);

    catalog::Catalog& catalog_;
    std::map<SetNumber, std::vector<catalog::MediaExtent>> extents_;
    std::unordered_map<std::uint32_t, std::string> users_, groups_;  // empty: none
};

}  // namespace capstan::daemon
