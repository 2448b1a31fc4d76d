# Writes a header that holds each of FILES as one text: `status_page.css` becomes `status_page_css`.
# Usage: cmake -D OUTPUT=... -D NAMESPACE=... -D "FILES=a.html,b.css" -P embed_text.cmake
set(header "// Made by embed_text.cmake from the files of the same names.\n#pragma once\n\n#include <string_view>\n\n")
string(APPEND header "namespace ${NAMESPACE} {\n")
string(REPLACE "," ";" files "${FILES}")
foreach(file IN LISTS files)
  file(READ ${file} text)
  get_filename_component(name ${file} NAME)
  string(REPLACE "." "_" name ${name})
  string(APPEND header "\ninline constexpr std::string_view ${name} = R\"~~~~(${text})~~~~\";\n")
endforeach()
string(APPEND header "\n}  // namespace ${NAMESPACE}\n")
file(WRITE ${OUTPUT} "${header}")
