#include "array/hdf5_file.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "array/hdf5_ids.hpp"

namespace weft::detail::arrays {

namespace {

constexpr std::uint64_t most_bytes_of_chunk = 0xffffffff;  // HDF5's

hdf5_id opened_dataset(const hdf5_id& file, const std::string& path, const std::string& dataset) {
  hdf5_id d = find_hdf5_object(file, dataset);
  if (!d) throw_hdf5(path + " has no dataset " + dataset);
  if (H5Iget_type(d.get()) != H5I_DATASET)
    throw std::runtime_error("weft: " + dataset + " of " + path + " is no dataset, but a group or a type");
  return d;
}

std::vector<std::size_t> sizes_of(std::span<const hsize_t> n) { return {n.begin(), n.end()}; }

/// Whether chunks are made elements by what hdf5_decoder can do. Throws for a filter that HDF5 has not got.
bool is_plain(const hdf5_id& how, const std::string& name, hdf5_dataset& found) {
  std::vector<hdf5_filter>& filters = found.filters;
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
    if (i < 32 && (filter == H5Z_FILTER_DEFLATE || filter == H5Z_FILTER_SHUFFLE || filter == H5Z_FILTER_FLETCHER32))
      found.never_skipped |= 1u << i;
    if (filter == H5Z_FILTER_DEFLATE && values > 0) found.level = static_cast<int>(std::min(value, 9u));
    if (filter == H5Z_FILTER_DEFLATE)
      filters.push_back(hdf5_filter::deflate);
    else if (filter == H5Z_FILTER_SHUFFLE)
      filters.push_back(hdf5_filter::shuffle);
    else
      plain = false;
    if (H5Zfilter_avail(filter) <= 0)
      throw std::runtime_error("weft: the chunks of " + name + " go through filter " + std::to_string(filter) + " (" +
                               text + "), which this machine's HDF5 has not: install it, or write the file without");
    if ((config & H5Z_FILTER_CONFIG_ENCODE_ENABLED) == 0)
      found.unwritable = "has chunks that go through filter " + std::to_string(filter) + " (" + text +
                         "), which this machine's HDF5 can undo alone";
  }
  unsigned options = 0;
  return plain && n >= 0 && n <= 32 && H5Pget_chunk_opts(how.get(), &options) >= 0 && options == 0;
}

bool has_zero_fill(const hdf5_id& how, const hdf5_id& type, std::size_t item) {
  std::vector<std::byte> fill(item, std::byte{1});
  return H5Pget_fill_value(how.get(), type.get(), fill.data()) >= 0 &&
         std::count(fill.begin(), fill.end(), std::byte{0}) == static_cast<std::ptrdiff_t>(item);
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
      if (bytes_of(found.chunk, found.type.size).value_or(most_bytes_of_chunk + 1) > most_bytes_of_chunk)
        throw std::runtime_error("weft: " + name +
                                 " has chunks of more than 4 GiB, which HDF5 does not make: the file is damaged");
      found.plain_chunks = is_plain(how, name, found);
      if (!found.plain_chunks) found.filters.clear();
      found.filled_with_zeros = has_zero_fill(how, type, found.type.size);
      break;
    case H5D_CONTIGUOUS:
      // Elements that nobody has written are nowhere, and those in other files not here.
      if (H5Pget_external_count(how.get()) == 0 && lies_in(file, d)) found.offset = offset_of_hdf5(file, d);
      found.written_in_place = found.offset && !keeps_free_room(file);
      break;
    case H5D_VIRTUAL:
      found.unwritable = "is put together of other datasets";
      break;
    default:
      break;
  }
  if (H5Pget_external_count(how.get()) > 0) found.unwritable = "has its elements in other files";
  if (!lies_in(file, d)) found.unwritable = "is a link to another file";
  return found;
}

/// Which dataset it is, in which file.
void note_object(const hdf5_id& file, const std::string& path, const hdf5_id& dataset, hdf5_dataset& d) {
  if (H5O_info_t info; H5Oget_info2(dataset.get(), &info, H5O_INFO_BASIC) >= 0) d.object = info.addr;
  struct stat now{};
  if (::fstat(descriptor_of(file, path), &now) != 0)
    throw std::system_error(errno, std::system_category(), "weft: cannot look at " + path);
  d.device = now.st_dev;
  d.inode = now.st_ino;
}

void check_same(const hdf5_dataset& d, const item_type& type, std::span<const std::size_t> shape,
                const std::string& name) {
  if (d.type == type && std::equal(d.shape.begin(), d.shape.end(), shape.begin(), shape.end())) return;
  throw std::runtime_error("weft: " + name +
                           " has another type or shape than when it was opened: it was written anew");
}

/// Datasets as they were seen last: each task that reads a chunk asks, and HDF5 is asked once for each version of a
/// file, by one of those who wait.
class seen_datasets {
 public:
  hdf5_dataset look_up(const std::string& path, const std::string& dataset) {
    std::lock_guard guard(lock_);
    const std::pair key(path, dataset);
    const auto at = all_.find(key);
    if (at != all_.end() && at->second.version == version_of_hdf5(path)) return at->second;
    hdf5_dataset d = look_up_hdf5(path, dataset);
    if (at == all_.end() && all_.size() == most_seen) all_.clear();
    return all_[key] = d;
  }

 private:
  static constexpr std::size_t most_seen = 1024;
  std::mutex lock_;
  std::map<std::pair<std::string, std::string>, hdf5_dataset> all_;
};
/// Never destroyed: tasks may outlive what is.
seen_datasets& seen() {
  static auto* const all = new seen_datasets;
  return *all;
}

}  // namespace

hdf5_version version_of_hdf5(const std::string& path) {
  struct stat there{};
  if (::stat(path.c_str(), &there) != 0)
    throw std::system_error(errno, std::system_category(), "weft: cannot look at " + path);
  return {static_cast<std::uint64_t>(there.st_size),
          static_cast<std::int64_t>(there.st_mtim.tv_sec) * 1'000'000'000 + there.st_mtim.tv_nsec};
}

hdf5_dataset look_up_hdf5(const std::string& path, const std::string& dataset) {
  const hdf5_session session;
  const hdf5_version version = version_of_hdf5(path);  // before, so that a change while it is read is one
  const hdf5_id file = open_hdf5_file(path, H5F_ACC_RDONLY);
  const hdf5_id there = opened_dataset(file, path, dataset);
  hdf5_dataset d = describe(file, there, name_of_hdf5(path, dataset));
  d.version = version;
  note_object(file, path, there, d);
  return d;
}

bool is_same_place(const hdf5_dataset& one, const hdf5_dataset& other) {
  return one.type == other.type && one.shape == other.shape && one.offset == other.offset &&
         one.device == other.device && one.inode == other.inode;
}

bool is_same_object(const hdf5_dataset& one, const hdf5_dataset& other) {
  return one.device == other.device && one.inode == other.inode && one.object == other.object;
}

void check_hdf5_is_writable(const std::string& path) {
  const hdf5_session session;
  hdf5_id file = open_hdf5_file(path, H5F_ACC_RDWR);
  finish_hdf5_file(file, path);
}

hdf5_dataset look_into_hdf5(const hdf5_id& file, const std::string& path, const std::string& dataset,
                            const item_type& type, std::span<const std::size_t> shape) {
  const std::string name = name_of_hdf5(path, dataset);
  const hdf5_id there = opened_dataset(file, path, dataset);
  hdf5_dataset d = describe(file, there, name);
  check_same(d, type, shape, name);
  note_object(file, path, there, d);
  return d;
}

hdf5_dataset look_up_again(const std::string& path, const std::string& dataset, const item_type& type,
                           std::span<const std::size_t> shape) {
  hdf5_dataset d = seen().look_up(path, dataset);
  check_same(d, type, shape, name_of_hdf5(path, dataset));
  return d;
}

hdf5_rest read_hdf5_box(const std::string& path, const std::string& dataset, const item_type& type,
                        std::span<const std::size_t> shape, std::span<const std::size_t> first,
                        std::span<const std::size_t> extents, std::byte* to) {
  const std::string name = name_of_hdf5(path, dataset);
  const hdf5_session session;
  const hdf5_id file = open_hdf5_file(path, H5F_ACC_RDONLY);
  const hdf5_id d = opened_dataset(file, path, dataset);
  hdf5_rest rest{describe(file, d, name)};
  const hdf5_dataset& of = rest.of;
  check_same(of, type, shape, name);
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

}  // namespace weft::detail::arrays
