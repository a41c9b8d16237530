# Runs at "cmake --install" and in CPack: renders what depends on where the program is installed and on the program itself.
# PROGRAM, SOURCE and OUTPUT (a folder of the build) are set by CMakeLists.txt, CMAKE_INSTALL_PREFIX and DESTDIR by who installs.
set(CMAKE_INSTALL_FULL_BINDIR ${CMAKE_INSTALL_PREFIX}/bin)
set(share ${CMAKE_INSTALL_PREFIX}/share)
file(MAKE_DIRECTORY ${OUTPUT})

configure_file(${SOURCE}/cognate.service.in ${OUTPUT}/cognate.service @ONLY)
file(INSTALL ${OUTPUT}/cognate.service ${SOURCE}/cognate.socket DESTINATION ${CMAKE_INSTALL_PREFIX}/lib/systemd/system)

function(render file destination) # arguments of the program
  execute_process(COMMAND ${PROGRAM} ${ARGN} OUTPUT_FILE ${OUTPUT}/${file} COMMAND_ERROR_IS_FATAL ANY)
  file(INSTALL ${OUTPUT}/${file} DESTINATION ${destination})
endfunction()

render(cognate ${share}/bash-completion/completions completion bash)
render(_cognate ${share}/zsh/vendor-completions completion zsh)
render(cognate.fish ${share}/fish/vendor_completions.d completion fish)
execute_process(COMMAND ${PROGRAM} manual COMMAND gzip -9n OUTPUT_FILE ${OUTPUT}/cognate.1.gz COMMAND_ERROR_IS_FATAL ANY)
file(INSTALL ${OUTPUT}/cognate.1.gz DESTINATION ${share}/man/man1)
