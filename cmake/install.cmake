include(GNUInstallDirs)
install(TARGETS guestd RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(TARGETS guestctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
# What an image is made with: units for other inits, the configuration with every statement, the protos' descriptors.
install(FILES rootfs/units/guestd.service rootfs/units/guestd.openrc packaging/guestd.conf
  DESTINATION ${CMAKE_INSTALL_DATADIR}/guestd)
install(FILES ${CMAKE_BINARY_DIR}/proto/descriptions.set RENAME protos.binpb
  DESTINATION ${CMAKE_INSTALL_DATADIR}/guestd)
