project_library(NAME drives
  SOURCES block_ring.cpp block_writer.cpp drive_core.cpp drive_owner.cpp drive_state.cpp
          operations_abilities.cpp operations_append_only.cpp operations_medium.cpp operations_memory.cpp operations_protection.cpp operations_read.cpp operations_write.cpp ring_memory.cpp scsi/thread_device.cpp
  USES scsi)
