# The Debian package: control fields and scripts. Included by packaging/CMakeLists.txt; lintian has nothing to say of
# the outcome but what taskdns.lintian-overrides answers. With SOURCE_DATE_EPOCH set, CPack gives the same octets twice.
set(CPACK_GENERATOR DEB)
set(CPACK_SET_DESTDIR ON)  # /etc is outside of the prefix
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES OFF)  # the release preset has done so
set(CPACK_PACKAGE_NAME taskdns)
set(CPACK_PACKAGE_VENDOR taskdns)
set(CPACK_PACKAGE_CONTACT "taskdns maintainers <maintainers@taskdns.example>" CACHE STRING "The package's maintainer")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "local resolver with health-checked service discovery")
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "taskdns runs beside an application, one per host or ECS task. It asks the
VPC resolver (Route 53, Cloud Map) for the services that it was told about,
checks which of their endpoints really answer, and hands the application a
rotated list of good ones over DNS and HTTP on localhost. Every other name is
forwarded and cached.
.
There is no load balancer and no extra hop: nothing is in the data path.
.
The program is statically linked and needs no other package. Installed, it
answers on 127.0.0.1:53, and this host goes on asking whom it asked before.")
set(CPACK_DEBIAN_COMPRESSION_TYPE gzip)  # xz is 20 % smaller and takes 8 s, which every test run would wait for
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
foreach(file postinst prerm postrm conffiles)
  list(APPEND CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_LIST_DIR}/${file})
endforeach()
install(FILES ${CMAKE_CURRENT_LIST_DIR}/taskdns.lintian-overrides RENAME taskdns
        DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides)

include(CPack)
