find_package(Poco REQUIRED COMPONENTS Net Foundation)
find_library(SYSTEMD_LIBRARY systemd REQUIRED)
project_library(NAME daemon
  USES api base config scsi sg_io iscsi virtual drives changer pools catalog mtf labels backup
  SOURCES bootstrap.cpp catalog_files.cpp catalog_view.cpp control_plane.cpp describe.cpp devices.cpp handlers_catalog.cpp handlers_jobs.cpp handlers_media.cpp handlers_status.cpp
    handlers_work.cpp http_connection.cpp http_server.cpp job_info.cpp job_reading.cpp job_restart.cpp job_service.cpp labeller.cpp library.cpp library_service.cpp medium_reader.cpp
    mount_labels.cpp mount_moves.cpp mount_proof.cpp mount_reach.cpp mount_service.cpp object_info.cpp operations.cpp peer.cpp rebuild.cpp rebuild_repair.cpp reopen.cpp request_parts.cpp reservation_watch.cpp set_frame.cpp router.cpp system_clock.cpp take_in.cpp threads.cpp turned_down.cpp work_queue.cpp
  PRIVATE_EXTERNAL Poco::Net Poco::Foundation)
project_program(NAME capstand USES daemon SOURCES main.cpp EXTERNAL ${SYSTEMD_LIBRARY})
