#include "idx.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace images {

namespace {

class gz_reader {
 public:
  explicit gz_reader(const std::string& path) : path_(path), file_(::gzopen(path.c_str(), "rb")) {
    if (!file_) throw no_data("cannot open " + path + ": " + std::strerror(errno));
  }
  gz_reader(const gz_reader&) = delete;
  gz_reader& operator=(const gz_reader&) = delete;
  ~gz_reader() { ::gzclose(file_); }

  void read(std::uint8_t* into, std::size_t bytes) {
    while (bytes > 0) {
      const int got = ::gzread(file_, into, static_cast<unsigned>(std::min(bytes, std::size_t{1} << 30)));
      int error = Z_OK;
      const char* why = ::gzerror(file_, &error);
      if (error == Z_ERRNO) why = std::strerror(errno);
      if (error != Z_OK) throw std::runtime_error("cannot read " + path_ + ": " + why);
      if (got <= 0) throw std::runtime_error(path_ + " ends too early");
      into += got;
      bytes -= static_cast<std::size_t>(got);
    }
  }

  std::size_t big_endian() {
    std::array<std::uint8_t, 4> b{};
    read(b.data(), b.size());
    return (std::size_t{b[0]} << 24) | (std::size_t{b[1]} << 16) | (std::size_t{b[2]} << 8) | b[3];
  }

 private:
  std::string path_;
  gzFile file_;
};

}  // namespace

pictures read_pictures(const std::vector<std::string>& files, std::size_t count) {
  constexpr std::size_t bytes_in_three_dimensions = 0x00000803, most_pixels = 1 << 15;
  pictures p;
  for (const std::string& path : files) {
    if (p.count == count) break;
    gz_reader in(path);
    if (in.big_endian() != bytes_in_three_dimensions) throw std::runtime_error(path + " is no IDX file of pictures");
    const std::size_t there = in.big_endian(), height = in.big_endian(), width = in.big_endian();
    if (height == 0 || width == 0 || height > most_pixels || width > most_pixels / height)
      throw std::runtime_error(path + " has pictures of " + std::to_string(height) + " x " + std::to_string(width));
    if (p.count > 0 && height * width != p.pixels)
      throw std::runtime_error(path + " has pictures of another size than " + files.front());
    p.pixels = height * width;
    const std::size_t taken = std::min(there, count - p.count);
    p.grey.resize((p.count + taken) * p.pixels);
    in.read(p.grey.data() + p.count * p.pixels, taken * p.pixels);
    p.count += taken;
  }
  if (p.count < count)
    throw std::runtime_error("there are " + std::to_string(p.count) + " pictures, not " + std::to_string(count));
  return p;
}

}  // namespace images
