#include "client/program_source.hpp"

#include <link.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <string_view>

#include "env/child.hpp"
#include "object/modules.hpp"

namespace weft::net {

namespace {

bool is_of_system(std::string_view path) {
  for (const std::string_view where : {"/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/"})
    if (path.starts_with(where)) return true;
  return path.find('/') == path.npos;  // the kernel's
}

int add_library(dl_phdr_info* info, std::size_t, void* to) {
  const std::string path = info->dlpi_name;
  if (!path.empty() && !is_of_system(path)) static_cast<std::vector<std::string>*>(to)->push_back(path);
  return 0;
}

}  // namespace

program_source::program_source() {
  paths_.emplace_back("/proc/self/exe");  // what runs, whatever its name has come to stand for
  ::dl_iterate_phdr(&add_library, &paths_);
  manifest_.build_id = detail::program_module().build_id;
  std::vector<char> piece(std::size_t{1} << 20);
  for (const std::string& path : paths_) {
    program_manifest::file f;
    f.name = std::filesystem::path(&path == &paths_[0] ? detail::own_program() : path).filename().string();
    if (&path == &paths_[0]) {
      constexpr std::string_view replaced = " (deleted)";
      if (f.name.ends_with(replaced)) f.name.resize(f.name.size() - replaced.size());
      if (f.name.starts_with('.')) f.name = "program" + f.name;
    }
    std::ifstream in(path, std::ios::binary);
    sha256 content;
    while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())), in.gcount() > 0) {
      const auto n = static_cast<std::size_t>(in.gcount());
      content.add(std::as_bytes(std::span(piece.data(), n)));
      f.bytes += n;
    }
    if (!in.eof() || f.bytes == 0)
      throw std::runtime_error("weft: " + path + " cannot be read, to be sent to the cluster's workers");
    f.content = content.finish();
    manifest_.files.push_back(std::move(f));
  }
}

std::vector<std::byte> program_source::read(std::uint32_t file, std::uint64_t offset, std::uint32_t bytes) {
  if (file >= manifest_.files.size() || offset > manifest_.files[file].bytes ||
      bytes > manifest_.files[file].bytes - offset || bytes > program_limits().chunk)
    throw protocol_error("weft: the scheduler asks for what no file of the program has");
  if (opened_ != file) {
    open_ = std::ifstream(paths_[file], std::ios::binary);
    opened_ = file;
  }
  std::vector<std::byte> out(bytes);
  open_.clear();
  open_.seekg(static_cast<std::streamoff>(offset));
  open_.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(bytes));
  if (open_.gcount() != static_cast<std::streamsize>(bytes))
    throw std::runtime_error("weft: " + paths_[file] + " has changed while it was sent to the cluster's workers");
  return out;
}

}  // namespace weft::net
