find_library(XXHASH_LIBRARY xxhash REQUIRED)
project_library(NAME backup USES mtf labels catalog pools drives
  SOURCES ledger.cpp
    job/backup_job.cpp job/bkf_file.cpp job/restore_job.cpp job/set_writer_failures.cpp job/set_writer_job.cpp job/set_writer_spanning.cpp
    posix/apply.cpp posix/collect.cpp posix/metadata_codec.cpp
    source/chosen_paths.cpp source/examiner.cpp source/file_source.cpp source/prefetcher.cpp source/tree_count.cpp source/walker.cpp
    restore/compare_target.cpp restore/cut_off_run.cpp restore/new_file.cpp restore/restore_root.cpp restore/restore_target.cpp restore/small_files.cpp restore/target_tree.cpp
    job/commit_feed.cpp job/content_hash.cpp job/decoder_stage.cpp job/encoder_stage.cpp job/object_blocks.cpp
    job/object_reader.cpp job/ring_output.cpp job/set_scan.cpp job/set_scanner.cpp job/stage_run.cpp
  PRIVATE_EXTERNAL fmt ${XXHASH_LIBRARY})
