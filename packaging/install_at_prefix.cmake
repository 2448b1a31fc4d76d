# Run while installing: what depends on the prefix, which only `cmake --install --prefix` may say. GNUInstallDirs' rule
# for /etc: that of the system for /usr, one below the prefix otherwise.
# Given: TASKDNS_PACKAGING (this folder), TASKDNS_BINDIR (relative), TASKDNS_SCRATCH (a folder to write to).
set(TASKDNS_ETC ${CMAKE_INSTALL_PREFIX}/etc)
set(TASKDNS_CONFIG_OPTION " --config ${TASKDNS_ETC}/taskdns/taskdns.yaml")
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  set(TASKDNS_ETC /etc)
  set(TASKDNS_CONFIG_OPTION "")  # the program looks there by itself
endif()
set(TASKDNS_PROGRAM ${CMAKE_INSTALL_PREFIX}/${TASKDNS_BINDIR}/taskdns)

configure_file(${TASKDNS_PACKAGING}/systemd/taskdns.service.in ${TASKDNS_SCRATCH}/taskdns.service @ONLY)
file(INSTALL ${TASKDNS_SCRATCH}/taskdns.service DESTINATION ${CMAKE_INSTALL_PREFIX}/lib/systemd/system)

# Only a package manager may replace a configuration, since it asks before.
if(NOT EXISTS $ENV{DESTDIR}${TASKDNS_ETC}/taskdns/taskdns.yaml)
  file(INSTALL ${TASKDNS_PACKAGING}/debian/taskdns.yaml DESTINATION ${TASKDNS_ETC}/taskdns)
endif()
