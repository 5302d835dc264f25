#include "array/zarr_folder.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <vector>

#include "array/unfinished.hpp"
#include "array/zarr.hpp"

namespace weft::detail::arrays {

namespace {

namespace fs = std::filesystem;

constexpr const char* metadata_names[] = {"zarr.json", ".zarray"};  // as open_zarr looks for them

bool is_metadata(const std::string& name) {
  return std::find(std::begin(metadata_names), std::end(metadata_names), name) != std::end(metadata_names);
}

bool is_there(const fs::path& p) { return fs::exists(fs::symlink_status(p)); }

/// The name of a file that is written before it is renamed: `of` is what it is to be called.
bool is_new_file(std::string_view name, std::string_view& of) {
  constexpr std::string_view mark = ".new";
  const std::size_t at = name.rfind(mark);
  if (at == std::string_view::npos || at + mark.size() == name.size()) return false;
  if (name.find_first_not_of("0123456789", at + mark.size()) != std::string_view::npos) return false;
  of = name.substr(0, at);
  return true;
}

/// Whether a folder is a store, or has nothing yet but the beginning of its metadata.
bool is_ours(const fs::path& folder) {
  if (holds_zarr_array(folder)) return true;
  if (!fs::is_directory(fs::symlink_status(folder))) return false;
  for (const fs::directory_entry& e : fs::directory_iterator(folder)) {
    const std::string name = e.path().filename().string();
    std::string_view of;
    if (!is_new_file(name, of) || !is_metadata(std::string(of))) return false;
  }
  return true;
}

void require_ours(const fs::path& beside) {
  if (is_there(beside) && !is_ours(beside))
    throw std::runtime_error("weft: " + beside.string() +
                             " is there, and is no Zarr array: the store needs this name while it is written, move "
                             "what is there");
}

/// Removes files that were not renamed. Whoever still writes to one is late: the chunk is there already.
void sweep(const fs::path& folder) {
  std::vector<fs::path> rests;
  for (const fs::directory_entry& e : fs::recursive_directory_iterator(folder)) {
    const std::string name = e.path().filename().string();
    std::string_view of;
    if (is_new_file(name, of)) rests.push_back(e.path());
  }
  for (const fs::path& rest : rests) fs::remove(rest);
}

/// Throws where the place is not free, or what is there is not to be replaced. True: there is a store.
bool is_replaced(const fs::path& folder, bool overwrite) {
  if (!is_there(folder)) return false;
  if (!overwrite)
    throw std::runtime_error("weft: " + folder.string() +
                             " is there already: choose another name, or set .overwrite to replace it");
  if (!holds_zarr_array(folder))
    throw std::runtime_error("weft: " + folder.string() +
                             " is there, and is no Zarr array: it is not overwritten, choose another name");
  require_ours(replaced_beside(folder));
  return true;
}

}  // namespace

fs::path folder_of(const std::string& path) {
  fs::path p = fs::absolute(path);
  while (!p.has_filename() && p.has_relative_path()) p = p.parent_path();
  return p;
}

fs::path place_of_store(const std::string& path) {
  const fs::path p = folder_of(path);
  return fs::exists(p) ? fs::canonical(p) : p;
}

bool holds_zarr_array(const fs::path& folder) {
  if (!fs::is_directory(fs::symlink_status(folder))) return false;
  const fs::path newer = folder / metadata_names[0];
  if (!fs::exists(newer)) return fs::is_regular_file(folder / metadata_names[1]);
  if (!fs::is_regular_file(newer) || fs::file_size(newer) > most_zarr_metadata) return false;
  std::ifstream file(newer, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  return is_zarr_array(text);
}

fs::path replaced_beside(const fs::path& folder) { return folder.string() + ".replaced"; }

void prepare_place(const fs::path& folder, bool overwrite) {
  is_replaced(folder, overwrite);
  for (const fs::path& left : all_unfinished_beside(folder)) try {
      if (is_ours(left)) remove_store(left);
    } catch (const fs::filesystem_error&) {}  // it is in nobody's way, and one who writes there makes further files
}

void put_in_place(const fs::path& unfinished, const fs::path& folder, bool overwrite) {
  const fs::path before = replaced_beside(folder);
  if (!holds_zarr_array(unfinished)) throw_taken_away(folder.string(), unfinished.string());
  sweep(unfinished);
  if (!is_replaced(folder, overwrite)) {
    fs::rename(unfinished, folder);
    return;
  }
  remove_store(before);
  fs::rename(folder, before);
  try {
    fs::rename(unfinished, folder);
  } catch (...) {
    std::error_code ignored;  // that it stays under its other name is less than what has happened
    fs::rename(before, folder, ignored);
    throw;
  }
  remove_store(before);
}

void remove_store(const fs::path& folder) {
  if (!is_there(folder)) return;
  for (const fs::directory_entry& e : fs::directory_iterator(folder))
    if (!is_metadata(e.path().filename().string())) fs::remove_all(e.path());
  fs::remove_all(folder);
}

}  // namespace weft::detail::arrays
