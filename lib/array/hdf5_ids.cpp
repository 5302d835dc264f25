#include "array/hdf5_ids.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

namespace weft::detail::arrays {

namespace {

constinit std::mutex one_at_a_time;

herr_t take_first(unsigned n, const H5E_error2_t* e, void* to) {
  if (n == 0 && e->desc) *static_cast<std::string*>(to) = e->desc;
  return 0;
}

/// HDF5 has no number for it: "unable to lock file, errno = 11, ...".
herr_t look_for_lock(unsigned, const H5E_error2_t* e, void* found) {
  const std::string_view said(e->desc ? e->desc : "");
  if (said.starts_with("unable to lock") &&
      said.find("errno = " + std::to_string(EWOULDBLOCK) + ",") != std::string_view::npos)
    *static_cast<bool*>(found) = true;
  return 0;
}

/// Whether the path leads to the open file yet: whoever had it open before may have removed it.
bool is_at(const std::string& path, int fd) {
  struct stat named{}, opened{};
  return ::stat(path.c_str(), &named) == 0 && ::fstat(fd, &opened) == 0 && named.st_dev == opened.st_dev &&
         named.st_ino == opened.st_ino;
}

/// HDF5 opens files for the programs too that this one starts: such a one would have the lock as long as it runs.
void keep_from_children(const hdf5_id& file, const std::string& path) {
  if (::fcntl(descriptor_of(file, path), F_SETFD, FD_CLOEXEC) != 0)
    throw std::system_error(errno, std::system_category(), "weft: cannot keep " + path + " from other programs");
}

hid_t native(item_type::kind k, std::size_t size) {
  switch (k) {
    case item_type::kind::integer:
      return size == 1   ? H5T_NATIVE_INT8
             : size == 2 ? H5T_NATIVE_INT16
             : size == 4 ? H5T_NATIVE_INT32
             : size == 8 ? H5T_NATIVE_INT64
                         : H5I_INVALID_HID;
    case item_type::kind::natural:
      return size == 1   ? H5T_NATIVE_UINT8
             : size == 2 ? H5T_NATIVE_UINT16
             : size == 4 ? H5T_NATIVE_UINT32
             : size == 8 ? H5T_NATIVE_UINT64
                         : H5I_INVALID_HID;
    case item_type::kind::real:
      return size == 4 ? H5T_NATIVE_FLOAT : size == 8 ? H5T_NATIVE_DOUBLE : H5I_INVALID_HID;
    case item_type::kind::boolean:
    case item_type::kind::complex:
      break;
  }
  return H5I_INVALID_HID;
}

hdf5_id made(hid_t id) {
  if (id < 0) throw_hdf5("a type of HDF5 cannot be made");
  return hdf5_id(id, &H5Tclose);
}

hdf5_id make_number(item_type::kind k, std::size_t size, bool swapped) {
  hdf5_id t = made(H5Tcopy(native(k, size)));
  constexpr H5T_order_t other = std::endian::native == std::endian::little ? H5T_ORDER_BE : H5T_ORDER_LE;
  if (swapped && H5Tset_order(t.get(), other) < 0) throw_hdf5("an order of bytes of HDF5 cannot be had");
  return t;
}

std::string what_they_are(hid_t type) {
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return "integers of a kind that C++ has not";
    case H5T_FLOAT:
      return "floating-point numbers of " + std::to_string(H5Tget_size(type)) +
             " bytes of a kind that is not float or double";
    case H5T_STRING:
      return "strings";
    case H5T_COMPOUND:
      return "records";
    case H5T_ENUM:
      return "an enumeration";
    case H5T_ARRAY:
      return "arrays";
    case H5T_VLEN:
      return "lists";
    case H5T_REFERENCE:
      return "references";
    default:
      return "bits";
  }
}

void reserve(const hdf5_id& file, const std::string& path, std::uint64_t bytes) {
  constexpr std::uint64_t metadata = 64 << 10;
  const int fd = descriptor_of(file, path);
  struct stat now{};
  if (::fstat(fd, &now) != 0) throw std::system_error(errno, std::system_category(), "weft: cannot look at " + path);
  const auto more = static_cast<off_t>(bytes + metadata);
  if (::fallocate(fd, 0, now.st_size, more) == 0) return;
  // A file system that promises nothing is taken at its word.
  if (errno == EOPNOTSUPP && ::ftruncate(fd, now.st_size + more) == 0) return;
  const int error = errno;
  std::string what = "weft: there is no room for " + std::to_string(bytes) + " bytes more in " + path;
  // What it gave of too much it has back.
  if (::ftruncate(fd, now.st_size) != 0) what += ", which has grown and cannot be cut";
  throw std::system_error(error, std::system_category(), what);
}

}  // namespace

hdf5_session::hdf5_session() : lock_(one_at_a_time) {
  H5Eget_auto2(H5E_DEFAULT, &printer_, &data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}
hdf5_session::~hdf5_session() {
  H5Eclear2(H5E_DEFAULT);  // a thread's last errors would keep the library from closing at the program's end
  H5Eset_auto2(H5E_DEFAULT, printer_, data_);
}

void throw_hdf5(const std::string& what) {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, &take_first, &reason);
  throw std::runtime_error("weft: " + what + (reason.empty() ? "" : ": HDF5 says: " + reason));
}

std::string name_of_hdf5(const std::string& path, const std::string& dataset) {
  return "dataset " + dataset + " of " + path;
}

hdf5_in_use::hdf5_in_use(const std::string& path)
    : std::runtime_error(
          "weft: " + path +
          " is open in another program, which has locked it: close it there, or write to another file") {}

hdf5_id open_hdf5_file(const std::string& path, unsigned mode) {
  const hdf5_id how(H5Pcreate(H5P_FILE_ACCESS), &H5Pclose);
  // HDF5 reads and writes 64 KiB around an element of a dataset in one piece, where tasks may be writing.
  if (!how || (mode != H5F_ACC_RDONLY && H5Pset_sieve_buf_size(how.get(), 0) < 0))
    throw_hdf5(path + " cannot be opened");
  hdf5_id f(H5Fopen(path.c_str(), mode, how.get()), &H5Fclose);
  if (f) {
    keep_from_children(f, path);
    if (mode != H5F_ACC_RDONLY && !is_at(path, descriptor_of(f, path))) throw hdf5_in_use(path);
    return f;
  }
  bool locked = false;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, &look_for_lock, &locked);
  if (locked) throw hdf5_in_use(path);
  const std::string what =
      path + " cannot be opened as an HDF5 file" + (mode == H5F_ACC_RDONLY ? "" : " that is written to");
  throw_hdf5(what);
}

hdf5_id create_hdf5_file(const std::string& path) {
  hdf5_id f(H5Fcreate(path.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT), &H5Fclose);
  if (f) keep_from_children(f, path);
  return f;
}

int descriptor_of(const hdf5_id& file, const std::string& path) {
  void* handle = nullptr;
  if (H5Fget_vfd_handle(file.get(), H5P_DEFAULT, &handle) < 0 || !handle) throw_hdf5(path + " has no descriptor");
  return *static_cast<const int*>(handle);
}

hdf5_reserve::hdf5_reserve(const hdf5_id& file, const std::string& path, std::uint64_t bytes)
    : file_(&file), path_(path) {
  reserve(file, path, bytes);
}
hdf5_reserve::~hdf5_reserve() {
  if (!file_) return;
  try {
    give_back();
  } catch (const std::runtime_error&) {
    // That the file is too long is less than what has happened.
  }
}
void hdf5_reserve::give_back() {
  const hdf5_id& file = *std::exchange(file_, nullptr);
  haddr_t end = 0;
  struct stat now{};
  const int fd = descriptor_of(file, path_);
  if (H5Fflush(file.get(), H5F_SCOPE_LOCAL) < 0 || H5Fget_eoa(file.get(), &end) < 0 || ::fstat(fd, &now) != 0 ||
      (static_cast<haddr_t>(now.st_size) > end && ::ftruncate(fd, static_cast<off_t>(end)) != 0))
    throw_hdf5(path_ + " cannot be written");
}

void finish_hdf5_file(hdf5_id& file, const std::string& path) {
  if (!file.close()) throw_hdf5(path + " cannot be written");
}

hdf5_id find_hdf5_object(const hdf5_id& file, const std::string& name) {
  return hdf5_id(H5Oopen(file.get(), name.c_str(), H5P_DEFAULT), &H5Oclose);
}

bool lies_in(const hdf5_id& file, const hdf5_id& object) {
  // Of the rest that HDF5 can tell of an object, some is counted chunk by chunk.
  H5O_info_t whole, own;
  return H5Oget_info2(file.get(), &whole, H5O_INFO_BASIC) >= 0 &&
         H5Oget_info2(object.get(), &own, H5O_INFO_BASIC) >= 0 && whole.fileno == own.fileno;
}

bool keeps_free_room(const hdf5_id& file) {
  const hdf5_id how(H5Fget_create_plist(file.get()), &H5Pclose);
  H5F_fspace_strategy_t strategy{};
  hbool_t persist = 0;
  hsize_t least = 0;
  return how && H5Pget_file_space_strategy(how.get(), &strategy, &persist, &least) >= 0 && persist != 0;
}

std::optional<std::uint64_t> offset_of_hdf5(const hdf5_id& file, const hdf5_id& dataset) {
  constexpr haddr_t signature = 8;  // that a file begins with, behind its user block
  const hdf5_id how(H5Fget_create_plist(file.get()), &H5Pclose);
  hsize_t user_block = 0;
  if (!how || H5Pget_userblock(how.get(), &user_block) < 0) return {};
  const haddr_t at = H5Dget_offset(dataset.get());
  if (H5Dget_storage_size(dataset.get()) == 0 || at == HADDR_UNDEF || at < user_block + signature) return {};
  return at;
}

hdf5_id make_hdf5_type(const item_type& t) {
  using kind = item_type::kind;
  if (t.of == kind::boolean) {
    const hdf5_id base = make_number(kind::integer, 1, false);
    hdf5_id type = made(H5Tenum_create(base.get()));
    const signed char no = 0, yes = 1;
    if (H5Tenum_insert(type.get(), "FALSE", &no) < 0 || H5Tenum_insert(type.get(), "TRUE", &yes) < 0)
      throw_hdf5("an enumeration of HDF5 cannot be made");
    return type;
  }
  if (t.of != kind::complex) return make_number(t.of, t.size, t.swapped);
  const hdf5_id part = make_number(kind::real, t.size / 2, t.swapped);
  hdf5_id type = made(H5Tcreate(H5T_COMPOUND, t.size));
  if (H5Tinsert(type.get(), "r", 0, part.get()) < 0 || H5Tinsert(type.get(), "i", t.size / 2, part.get()) < 0)
    throw_hdf5("a complex number of HDF5 cannot be made");
  return type;
}

item_type item_type_of_hdf5(hid_t type, const std::string& name) {
  using kind = item_type::kind;
  constexpr item_type known[] = {{kind::boolean, 1}, {kind::integer, 1}, {kind::integer, 2}, {kind::integer, 4},
                                 {kind::integer, 8}, {kind::natural, 1}, {kind::natural, 2}, {kind::natural, 4},
                                 {kind::natural, 8}, {kind::real, 4},    {kind::real, 8},    {kind::complex, 8},
                                 {kind::complex, 16}};
  for (item_type t : known) {
    if (t.size != H5Tget_size(type)) continue;
    for (const bool swapped : {false, true}) {
      if (swapped && t.size == 1) continue;
      t.swapped = swapped;
      if (H5Tequal(make_hdf5_type(t).get(), type) > 0) return t;
    }
  }
  throw std::runtime_error("weft: the elements of " + name + " are no numbers, but " + what_they_are(type));
}

}  // namespace weft::detail::arrays
