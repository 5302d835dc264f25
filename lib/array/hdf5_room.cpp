#include "array/hdf5_room.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "array/hdf5_ids.hpp"
#include "array/unfinished.hpp"

namespace weft::detail::arrays {

namespace {

constexpr const char* mark_name = "weft.unfinished";

bool is_dataset(const hdf5_id& object) { return H5Iget_type(object.get()) == H5I_DATASET; }

bool is_there(const hdf5_id& file, const std::string& name) {
  return H5Lexists(file.get(), name.c_str(), H5P_DEFAULT) > 0;
}

/// Whether the groups that the dataset's name names are there. Throws where one of them cannot be made.
bool has_groups(const hdf5_id& file, const std::string& path, const std::string& dataset) {
  for (std::size_t end = dataset.find('/', 1); end != std::string::npos; end = dataset.find('/', end + 1)) {
    const std::string group = dataset.substr(0, end);
    if (group.find_first_not_of("/.") == std::string::npos) continue;  // the root
    if (!is_there(file, group)) return false;
    if (const hdf5_id there = find_hdf5_object(file, group);
        !there || H5Iget_type(there.get()) != H5I_GROUP || !lies_in(file, there))
      throw std::runtime_error("weft: " + name_of_hdf5(path, dataset) + " cannot be made: " + group +
                               " is there, and is no group of this file: choose another name");
  }
  return true;
}

/// Throws where the dataset's name is not free, or what has it is not to be replaced. True: there is a dataset.
bool is_replaced(const hdf5_id& file, const std::string& path, const std::string& dataset, bool overwrite) {
  if (!has_groups(file, path, dataset) || !is_there(file, dataset)) return false;
  const hdf5_id there = find_hdf5_object(file, dataset);  // none where it is a link to nothing
  if (!there || !is_dataset(there))
    throw std::runtime_error("weft: " + dataset + " of " + path +
                             " is there, and is no dataset: it is not overwritten, choose another name");
  if (!overwrite)
    throw std::runtime_error("weft: " + name_of_hdf5(path, dataset) +
                             " is there already: choose another name, or set .overwrite to replace it");
  return true;
}

hdf5_id opened_or_made(const std::string& path, bool& is_new) {
  is_new = !std::filesystem::exists(path);
  if (!is_new) return open_hdf5_file(path, H5F_ACC_RDWR);
  hdf5_id file = create_hdf5_file(path);
  if (file) return file;
  if (std::filesystem::exists(path)) throw hdf5_in_use(path);  // another has made it just now
  throw_hdf5(path + " cannot be made");
}

void put_mark(const hdf5_id& dataset, std::uint64_t mark, const std::string& name) {
  const hdf5_id space(H5Screate(H5S_SCALAR), &H5Sclose);
  const hdf5_id a(H5Acreate2(dataset.get(), mark_name, H5T_NATIVE_UINT64, space.get(), H5P_DEFAULT, H5P_DEFAULT),
                  &H5Aclose);
  if (!a || H5Awrite(a.get(), H5T_NATIVE_UINT64, &mark) < 0) throw_hdf5(name + " cannot be marked as unfinished");
}
/// Null where there is no such dataset, or nobody has marked it.
std::uint64_t mark_of(const hdf5_id& file, const std::string& name) {
  std::uint64_t mark = 0;
  if (!is_there(file, name)) return 0;
  const hdf5_id there = find_hdf5_object(file, name);  // none where it is a link to nothing
  if (!there || !is_dataset(there) || H5Aexists(there.get(), mark_name) <= 0) return 0;
  const hdf5_id a(H5Aopen(there.get(), mark_name, H5P_DEFAULT), &H5Aclose);
  if (!a) return 0;
  const hdf5_id space(H5Aget_space(a.get()), &H5Sclose), type(H5Aget_type(a.get()), &H5Tclose);
  // HDF5 reads as many numbers as the file says that there are.
  const bool is_one = space && H5Sget_simple_extent_npoints(space.get()) == 1 && type &&
                      H5Tget_class(type.get()) == H5T_INTEGER && H5Tget_size(type.get()) == sizeof mark;
  return is_one && H5Aread(a.get(), H5T_NATIVE_UINT64, &mark) >= 0 ? mark : 0;
}

void remove(const hdf5_id& file, const std::string& path, const std::string& name) {
  if (H5Ldelete(file.get(), name.c_str(), H5P_DEFAULT) < 0)
    throw_hdf5(name_of_hdf5(path, name) + " cannot be removed");
}
void rename(const hdf5_id& file, const std::string& path, const std::string& from, const std::string& to) {
  if (H5Lmove(file.get(), from.c_str(), file.get(), to.c_str(), H5P_DEFAULT, H5P_DEFAULT) < 0)
    throw_hdf5(name_of_hdf5(path, from) + " cannot be called " + to);
}
/// The mark of what a program that was ended has left of the dataset, or null. Throws where something else has that
/// name.
std::uint64_t mark_of_left(const hdf5_id& file, const std::string& path, const std::string& dataset) {
  const std::string name = unfinished_name(dataset);
  if (!is_there(file, name)) return 0;
  if (const std::uint64_t mark = mark_of(file, name); mark != 0) return mark;
  throw std::runtime_error("weft: " + name + " of " + path + " is there, and nothing that was left unfinished: " +
                           dataset + " needs this name while it is written, rename what is there");
}

bool in_one_piece(const hdf5_id& how) {
  return H5Pset_layout(how.get(), H5D_CONTIGUOUS) >= 0 && H5Pset_alloc_time(how.get(), H5D_ALLOC_TIME_EARLY) >= 0 &&
         H5Pset_fill_time(how.get(), H5D_FILL_TIME_NEVER) >= 0;
}
bool in_chunks(const hdf5_id& how, const hdf5_storage& stored) {
  const std::vector<hsize_t> chunk(stored.chunk.begin(), stored.chunk.end());
  bool done = H5Pset_chunk(how.get(), static_cast<int>(chunk.size()), chunk.data()) >= 0;
  for (const hdf5_filter f : stored.filters)
    done = done && (f == hdf5_filter::shuffle ? H5Pset_shuffle(how.get())
                                              : H5Pset_deflate(how.get(), static_cast<unsigned>(stored.level))) >= 0;
  return done;
}

void make_dataset(const hdf5_id& file, const std::string& path, const std::string& dataset, const item_type& type,
                  std::span<const std::size_t> shape, const hdf5_storage& stored, hdf5_room& room) {
  const std::vector<hsize_t> extents(shape.begin(), shape.end());
  const hdf5_id element = make_hdf5_type(type),
                space(extents.empty() ? H5Screate(H5S_SCALAR)
                                      : H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr),
                      &H5Sclose),
                how(H5Pcreate(H5P_DATASET_CREATE), &H5Pclose);
  const bool described = space && how && (stored.chunk.empty() ? in_one_piece(how) : in_chunks(how, stored));
  const hdf5_id made(described ? H5Dcreate2(file.get(), unfinished_name(dataset).c_str(), element.get(), space.get(),
                                            H5P_DEFAULT, how.get(), H5P_DEFAULT)
                               : H5I_INVALID_HID,
                     &H5Dclose);
  if (!made) throw_hdf5(name_of_hdf5(path, dataset) + " cannot be made");
  put_mark(made, room.mark, name_of_hdf5(path, dataset));
  if (!stored.chunk.empty()) return;
  room.offset = offset_of_hdf5(file, made).value_or(0);  // an array of nothing is nowhere
}

}  // namespace

std::string name_in_root(const std::string& dataset) {
  std::string name;
  for (std::size_t at = 0; at < dataset.size();) {
    const std::size_t end = std::min(dataset.find('/', at), dataset.size());
    const std::string part = dataset.substr(at, end - at);
    at = end + 1;
    if (part.empty() || part == ".") continue;
    if (!name.empty()) name += "%2F";
    for (const char c : part) name += c == '%' ? std::string("%25") : std::string(1, c);
  }
  return name;
}
std::string left_name(const std::string& dataset, std::uint64_t mark) {
  return name_in_root(dataset) + "." + number_in_name(mark) + ".unfinished";
}
std::string unfinished_name(const std::string& dataset) { return name_in_root(dataset) + ".unfinished"; }

void check_own_room(const hdf5_id& file, const std::string& path, const std::string& dataset, const hdf5_room& room) {
  const std::string name = unfinished_name(dataset);
  if (mark_of(file, name) != room.mark)
    throw std::runtime_error("weft: " + name_of_hdf5(path, name) + " was removed or written anew while " +
                             name_of_hdf5(path, dataset) + " was written to it: let one program write it at a time");
}

hdf5_room make_hdf5_room(const std::string& path, const std::string& dataset, const item_type& type,
                         std::span<const std::size_t> shape, bool overwrite, std::uint64_t mark,
                         const hdf5_storage& how) {
  const hdf5_session session;
  hdf5_room room{.mark = mark};
  hdf5_id file = opened_or_made(path, room.new_file);
  try {
    is_replaced(file, path, dataset, overwrite);
    room.free_is_used = keeps_free_room(file);
    const std::uint64_t left = room.left = mark_of_left(file, path, dataset);
    hdf5_reserve reserve(file, path, how.chunk.empty() ? bytes_of(shape, type.size).value() : 0);
    // Removed first, its room would be the new dataset's.
    if (left != 0) rename(file, path, unfinished_name(dataset), left_name(dataset, left));
    make_dataset(file, path, dataset, type, shape, how, room);
    if (left != 0) remove(file, path, left_name(dataset, left));
    reserve.give_back();
    finish_hdf5_file(file, path);
  } catch (...) {
    // Before it is closed: another program that waits for it would find it.
    if (room.new_file) {
      std::error_code ignored;  // that it cannot be removed is less than what has happened
      std::filesystem::remove(path, ignored);
    }
    throw;
  }
  return room;
}

void put_hdf5_in_place(const std::string& path, const std::string& dataset, const hdf5_room& room, bool overwrite) {
  const hdf5_session session;
  hdf5_id file = open_hdf5_file(path, H5F_ACC_RDWR);
  check_own_room(file, path, dataset, room);
  hdf5_reserve reserve(file, path, 0);  // for groups, and what lists them
  if (is_replaced(file, path, dataset, overwrite)) remove(file, path, dataset);
  const std::string name = unfinished_name(dataset);
  {
    const hdf5_id made = find_hdf5_object(file, name), links(H5Pcreate(H5P_LINK_CREATE), &H5Pclose);
    if (!links || H5Pset_create_intermediate_group(links.get(), 1) < 0 ||
        H5Lmove(file.get(), name.c_str(), file.get(), dataset.c_str(), links.get(), H5P_DEFAULT) < 0 ||
        H5Adelete(made.get(), mark_name) < 0)
      throw_hdf5(name_of_hdf5(path, dataset) + " cannot be given its name");
  }
  reserve.give_back();
  finish_hdf5_file(file, path);
}

void give_up_hdf5_room(const std::string& path, const std::string& dataset, const hdf5_room& room) {
  const hdf5_session session;
  const std::string name = unfinished_name(dataset);
  hdf5_id file = open_hdf5_file(path, H5F_ACC_RDWR);
  const bool is_own = mark_of(file, name) == room.mark;
  H5G_info_t root{};
  if (room.new_file && H5Gget_info(file.get(), &root) >= 0 && root.nlinks == (is_own ? 1 : 0)) {
    std::filesystem::remove(path);  // before it is closed: until then no other program has it
    return;
  }
  if (is_own) remove(file, path, name);
  finish_hdf5_file(file, path);
}

void leave_hdf5_room(const std::string& path, const std::string& dataset, const hdf5_room& room) {
  const hdf5_session session;
  hdf5_id file = open_hdf5_file(path, H5F_ACC_RDWR);
  const std::string name = unfinished_name(dataset);
  hdf5_reserve reserve(file, path, 0);  // its name is longer now
  if (mark_of(file, name) == room.mark) rename(file, path, name, left_name(dataset, room.mark));
  reserve.give_back();
  finish_hdf5_file(file, path);
}

}  // namespace weft::detail::arrays
