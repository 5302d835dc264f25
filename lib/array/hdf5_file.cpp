#include "array/hdf5_file.hpp"

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "array/hdf5_ids.hpp"

namespace weft::detail::arrays {

namespace {

std::string name_of(const std::string& path, const std::string& dataset) {
  return "dataset " + dataset + " of " + path;
}

hdf5_id opened(const std::string& path, unsigned mode) {
  hdf5_id f(H5Fopen(path.c_str(), mode, H5P_DEFAULT), &H5Fclose);
  if (f) return f;
  const std::string what =
      path + " cannot be opened as an HDF5 file" + (mode == H5F_ACC_RDONLY ? "" : " that is written to");
  throw_hdf5(what);
}

/// An object of any kind; none where there is none of that name.
hdf5_id find_object(const hdf5_id& file, const std::string& name) {
  return hdf5_id(H5Oopen(file.get(), name.c_str(), H5P_DEFAULT), &H5Oclose);
}
bool is_dataset(const hdf5_id& object) { return H5Iget_type(object.get()) == H5I_DATASET; }

hdf5_id opened_dataset(const hdf5_id& file, const std::string& path, const std::string& dataset) {
  hdf5_id d = find_object(file, dataset);
  if (!d) throw_hdf5(path + " has no dataset " + dataset);
  if (!is_dataset(d))
    throw std::runtime_error("weft: " + dataset + " of " + path + " is no dataset, but a group or a type");
  return d;
}

std::vector<std::size_t> sizes_of(std::span<const hsize_t> n) { return {n.begin(), n.end()}; }

/// Whether chunks are made elements by what hdf5_decoder can do. Throws for a filter that HDF5 has not got.
bool is_plain(const hdf5_id& how, const std::string& name, std::vector<hdf5_filter>& filters) {
  bool plain = true;
  const int n = H5Pget_nfilters(how.get());
  for (int i = 0; i < n; ++i) {
    unsigned flags = 0, config = 0, value = 0;
    std::size_t values = 1;
    char text[64] = "";
    const H5Z_filter_t filter =
        H5Pget_filter2(how.get(), static_cast<unsigned>(i), &flags, &values, &value, sizeof text, text, &config);
    if (filter < 0) throw_hdf5("the filters of " + name + " cannot be read");
    // What deflate makes is of any length, and further filters are the library's to undo.
    if (!filters.empty() && filters.back() == hdf5_filter::deflate) plain = false;
    if (filter == H5Z_FILTER_DEFLATE)
      filters.push_back(hdf5_filter::deflate);
    else if (filter == H5Z_FILTER_SHUFFLE)
      filters.push_back(hdf5_filter::shuffle);
    else
      plain = false;
    if (H5Zfilter_avail(filter) <= 0)
      throw std::runtime_error("weft: the chunks of " + name + " go through filter " + std::to_string(filter) + " (" +
                               text + "), which this machine's HDF5 has not: install it, or write the file without");
  }
  unsigned options = 0;
  return plain && n >= 0 && n <= 32 && H5Pget_chunk_opts(how.get(), &options) >= 0 && options == 0;
}

/// Not where its name is a link to another file.
bool lies_in(const hdf5_id& file, const hdf5_id& d) {
  H5O_info_t whole, own;
  return H5Oget_info(file.get(), &whole) >= 0 && H5Oget_info(d.get(), &own) >= 0 && whole.fileno == own.fileno;
}

hdf5_dataset describe(const hdf5_id& file, const hdf5_id& d, const std::string& name) {
  const hdf5_id type(H5Dget_type(d.get()), &H5Tclose), space(H5Dget_space(d.get()), &H5Sclose),
      how(H5Dget_create_plist(d.get()), &H5Pclose);
  if (!type || !space || !how) throw_hdf5(name + " cannot be read");
  hdf5_dataset found;
  found.type = item_type_of_hdf5(type.get(), name);
  const int rank = H5Sget_simple_extent_ndims(space.get());
  if (rank < 0 || H5Sget_simple_extent_type(space.get()) == H5S_NULL)
    throw std::runtime_error("weft: " + name + " has no elements, and no shape: it is no array");
  std::vector<hsize_t> extents(static_cast<std::size_t>(rank));
  H5Sget_simple_extent_dims(space.get(), extents.data(), nullptr);
  found.shape = sizes_of(extents);
  switch (H5Pget_layout(how.get())) {
    case H5D_CHUNKED:
      if (H5Pget_chunk(how.get(), rank, extents.data()) != rank)
        throw_hdf5("the chunks of " + name + " cannot be read");
      found.chunk = sizes_of(extents);
      found.plain_chunks = is_plain(how, name, found.filters);
      if (!found.plain_chunks) found.filters.clear();
      break;
    case H5D_CONTIGUOUS:
      // Elements that nobody has written are nowhere, and those in other files not here.
      if (const haddr_t at = H5Dget_offset(d.get());
          at != HADDR_UNDEF && H5Pget_external_count(how.get()) == 0 && lies_in(file, d))
        found.offset = at;
      break;
    default:
      break;
  }
  return found;
}

/// In the root, so that no group has to be made before it is known what for.
std::string unfinished_name(std::string dataset) {
  dataset.erase(0, dataset.find_first_not_of('/'));
  std::replace(dataset.begin(), dataset.end(), '/', '.');
  return dataset + ".unfinished";
}

/// Throws where the dataset's name is not free, or what has it is not to be replaced. True: there is a dataset.
bool is_replaced(const hdf5_id& file, const std::string& path, const std::string& dataset, bool overwrite) {
  const hdf5_id there = find_object(file, dataset);
  if (!there) return false;
  if (!is_dataset(there))
    throw std::runtime_error("weft: " + dataset + " of " + path +
                             " is there, and is no dataset: it is not overwritten, choose another name");
  if (!overwrite)
    throw std::runtime_error("weft: " + name_of(path, dataset) +
                             " is there already: choose another name, or set .overwrite to replace it");
  return true;
}

void remove(const hdf5_id& file, const std::string& path, const std::string& name) {
  if (H5Ldelete(file.get(), name.c_str(), H5P_DEFAULT) < 0) throw_hdf5(name_of(path, name) + " cannot be removed");
}
void finish(hdf5_id& file, const std::string& path) {
  if (!file.close()) throw_hdf5(path + " cannot be written");
}

}  // namespace

hdf5_dataset look_up_hdf5(const std::string& path, const std::string& dataset) {
  const hdf5_session session;
  const hdf5_id file = opened(path, H5F_ACC_RDONLY);
  return describe(file, opened_dataset(file, path, dataset), name_of(path, dataset));
}

hdf5_rest read_hdf5_box(const std::string& path, const std::string& dataset, const item_type& type,
                        std::span<const std::size_t> shape, std::span<const std::size_t> first,
                        std::span<const std::size_t> extents, std::byte* to) {
  const std::string name = name_of(path, dataset);
  const hdf5_session session;
  const hdf5_id file = opened(path, H5F_ACC_RDONLY);
  const hdf5_id d = opened_dataset(file, path, dataset);
  hdf5_rest rest{describe(file, d, name)};
  const hdf5_dataset& of = rest.of;
  if (!(of.type == type) || !std::equal(of.shape.begin(), of.shape.end(), shape.begin(), shape.end()))
    throw std::runtime_error("weft: " + name +
                             " has another type or shape than when it was opened: it was written anew");
  const hdf5_id in_memory = make_hdf5_type({type.of, type.size, false}), there(H5Dget_space(d.get()), &H5Sclose);
  const std::size_t rank = extents.size();
  const auto counts = [](std::span<const std::size_t> n) { return std::vector<hsize_t>(n.begin(), n.end()); };
  const std::vector<hsize_t> whole = counts(extents);
  const hdf5_id here(
      rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(static_cast<int>(rank), whole.data(), nullptr), &H5Sclose);
  // By the library: the part of the box from `place` on, which is from `from` on in the dataset.
  const auto read = [&](std::span<const std::size_t> from, std::span<const std::size_t> place,
                        std::span<const std::size_t> size) {
    const auto select = [&](const hdf5_id& space, std::span<const std::size_t> begin) {
      return rank == 0 || H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, counts(begin).data(), nullptr,
                                              counts(size).data(), nullptr) >= 0;
    };
    if (!there || !here || !select(there, from) || !select(here, place) ||
        H5Dread(d.get(), in_memory.get(), here.get(), there.get(), H5P_DEFAULT, to) < 0)
      throw_hdf5(name + " cannot be read");
  };
  if (!of.plain_chunks) {
    read(first, std::vector<std::size_t>(rank), extents);
    return rest;
  }

  const std::uint64_t bytes = bytes_of(of.chunk, of.type.size).value();
  std::vector<std::size_t> place(rank);
  for (std::size_t a = 0; a < rank; ++a) place[a] = first[a] / of.chunk[a];
  for (;;) {
    hdf5_chunk c;
    std::vector<hsize_t> at(rank);
    std::vector<std::size_t> from(rank);
    for (std::size_t a = 0; a < rank; ++a) {
      at[a] = place[a] * of.chunk[a];
      from[a] = std::max<std::size_t>(first[a], at[a]);
      c.begin.push_back(from[a] - at[a]);
      c.place.push_back(from[a] - first[a]);
      c.extents.push_back(std::min(of.chunk[a] - c.begin[a], first[a] + extents[a] - from[a]));
    }
    hsize_t stored = 0;
    if (H5Dget_chunk_storage_size(d.get(), at.data(), &stored) < 0 || stored == 0) {
      read(from, c.place, c.extents);
    } else {
      if (stored > 2 * bytes + 4096)  // Deflate makes nothing twice as large
        throw std::runtime_error("weft: a chunk of " + name + " has " + std::to_string(stored) + " bytes, of " +
                                 std::to_string(bytes) + " bytes of elements: the file is damaged");
      c.stored.resize(stored);
      if (H5Dread_chunk(d.get(), H5P_DEFAULT, at.data(), &c.skipped, c.stored.data()) < 0)
        throw_hdf5("a chunk of " + name + " cannot be read");
      rest.chunks.push_back(std::move(c));
    }
    std::size_t a = rank;
    while (a-- > 0) {
      if (++place[a] <= (first[a] + extents[a] - 1) / of.chunk[a]) break;
      place[a] = first[a] / of.chunk[a];
    }
    if (a == std::size_t(-1)) return rest;  // counted past the outermost axis
  }
}

hdf5_room make_hdf5_room(const std::string& path, const std::string& dataset, const item_type& type,
                         std::span<const std::size_t> shape, bool overwrite) {
  const hdf5_session session;
  hdf5_room room;
  hdf5_id file;
  if (!std::filesystem::exists(path)) {
    file = hdf5_id(H5Fcreate(path.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT), &H5Fclose);
    if (!file) throw_hdf5(path + " cannot be made");
    room.new_file = true;
  } else {
    file = opened(path, H5F_ACC_RDWR);
  }
  is_replaced(file, path, dataset, overwrite);
  const std::string name = unfinished_name(dataset);
  if (H5Lexists(file.get(), name.c_str(), H5P_DEFAULT) > 0) remove(file, path, name);  // a rest of one that was ended
  const std::vector<hsize_t> extents(shape.begin(), shape.end());
  const hdf5_id element = make_hdf5_type(type),
                space(extents.empty() ? H5Screate(H5S_SCALAR)
                                      : H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr),
                      &H5Sclose),
                how(H5Pcreate(H5P_DATASET_CREATE), &H5Pclose);
  {
    const bool described = space && how && H5Pset_layout(how.get(), H5D_CONTIGUOUS) >= 0 &&
                           H5Pset_alloc_time(how.get(), H5D_ALLOC_TIME_EARLY) >= 0 &&
                           H5Pset_fill_time(how.get(), H5D_FILL_TIME_NEVER) >= 0;
    const hdf5_id made(described ? H5Dcreate2(file.get(), name.c_str(), element.get(), space.get(), H5P_DEFAULT,
                                              how.get(), H5P_DEFAULT)
                                 : H5I_INVALID_HID,
                       &H5Dclose);
    if (!made) throw_hdf5(name_of(path, dataset) + " cannot be made");
    // An array of nothing is nowhere.
    if (const haddr_t at = H5Dget_offset(made.get()); at != HADDR_UNDEF) room.offset = at;
  }
  finish(file, path);
  return room;
}

void put_hdf5_in_place(const std::string& path, const std::string& dataset, bool overwrite) {
  const hdf5_session session;
  hdf5_id file = opened(path, H5F_ACC_RDWR);
  if (is_replaced(file, path, dataset, overwrite)) remove(file, path, dataset);
  {
    const hdf5_id links(H5Pcreate(H5P_LINK_CREATE), &H5Pclose);
    if (!links || H5Pset_create_intermediate_group(links.get(), 1) < 0 ||
        H5Lmove(file.get(), unfinished_name(dataset).c_str(), file.get(), dataset.c_str(), links.get(), H5P_DEFAULT) <
            0)
      throw_hdf5(name_of(path, dataset) + " cannot be given its name");
  }
  finish(file, path);
}

void give_up_hdf5_room(const std::string& path, const std::string& dataset, bool new_file) {
  const hdf5_session session;
  bool empty = false;
  {
    hdf5_id file = opened(path, H5F_ACC_RDWR);
    const std::string name = unfinished_name(dataset);
    if (H5Lexists(file.get(), name.c_str(), H5P_DEFAULT) > 0) remove(file, path, name);
    H5G_info_t root{};
    empty = H5Gget_info(file.get(), &root) >= 0 && root.nlinks == 0;
    finish(file, path);
  }
  if (empty && new_file) std::filesystem::remove(path);
}

}  // namespace weft::detail::arrays
