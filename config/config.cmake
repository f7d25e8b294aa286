# The settings library: schema, loader, units.
find_package(yaml-cpp REQUIRED)
project_library(NAME config USES base
  SOURCES load.cpp load_foreign.cpp map_reader.cpp units.cpp yaml_tree.cpp
  EXTERNAL fmt::fmt PRIVATE_EXTERNAL yaml-cpp)
