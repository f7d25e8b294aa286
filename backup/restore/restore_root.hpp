// The directory that a restore or a comparison is bound to.
#pragma once

#include "backup/restore/restore_target.hpp"
#include "config/base/file.hpp"

namespace capstan::backup {

// Errors: not an absolute path, or it cannot be opened (or made, with `create`).
Result<FileHandle> open_restore_root(const RestoreOptions& options, bool create);

}  // namespace capstan::backup
