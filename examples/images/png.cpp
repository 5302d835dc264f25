#include "png.hpp"

#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <vector>

namespace images {

namespace {

void add_number(std::string& to, std::size_t n) {
  for (int shift = 24; shift >= 0; shift -= 8) to += static_cast<char>(n >> shift & 0xff);
}

/// A chunk: its length, its name, its bytes, and their checksum.
void add_chunk(std::string& file, const std::string& name, const std::string& bytes) {
  add_number(file, bytes.size());
  const std::string checked = name + bytes;
  file += checked;
  add_number(file, ::crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size())));
}

}  // namespace

void write_png(const std::string& path, std::span<const std::uint8_t> grey, std::size_t width, std::size_t height) {
  if (grey.size() != width * height) throw std::runtime_error("a picture whose pixels are not width x height");
  std::string header;
  add_number(header, width);
  add_number(header, height);
  header += std::string("\x08\x00\x00\x00\x00", 5);  // 8 bits, grey, and the only methods there are

  std::string rows;
  for (std::size_t y = 0; y < height; ++y) {
    rows += '\0';  // this row is not filtered
    rows.append(reinterpret_cast<const char*>(grey.data()) + y * width, width);
  }
  uLongf size = ::compressBound(static_cast<uLong>(rows.size()));
  std::string packed(size, '\0');
  if (::compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(rows.data()),
                 static_cast<uLong>(rows.size())) != Z_OK)
    throw std::runtime_error("zlib cannot compress a picture for " + path);
  packed.resize(size);

  std::string file("\x89PNG\r\n\x1a\n");
  add_chunk(file, "IHDR", header);
  add_chunk(file, "IDAT", packed);
  add_chunk(file, "IEND", "");
  std::ofstream out(path, std::ios::binary);
  out.write(file.data(), static_cast<std::streamsize>(file.size()));
  out.close();
  if (!out) throw std::runtime_error("cannot write " + path + ": " + std::strerror(errno));
}

}  // namespace images
