find_library(XXHASH_LIBRARY xxhash REQUIRED)
project_library(NAME backup USES mtf catalog drives
  SOURCES ledger.cpp
    posix/apply.cpp posix/collect.cpp posix/metadata_codec.cpp
    source/examiner.cpp source/file_source.cpp source/prefetcher.cpp source/walker.cpp
    restore/compare_target.cpp restore/restore_target.cpp restore/target_tree.cpp
  PRIVATE_EXTERNAL fmt ${XXHASH_LIBRARY})
