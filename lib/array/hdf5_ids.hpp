#pragma once

#include <hdf5.h>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "array/hdf5_file.hpp"
#include "array/item_type.hpp"

/// HDF5's library from C++: its lock, its errors and its handles.
namespace weft::detail::arrays {

/// While it lives, its thread alone calls HDF5, which prints nothing by itself.
class hdf5_session {
 public:
  hdf5_session();
  hdf5_session(const hdf5_session&) = delete;
  hdf5_session& operator=(const hdf5_session&) = delete;
  ~hdf5_session();

 private:
  std::unique_lock<std::mutex> lock_;
  H5E_auto2_t printer_ = nullptr;
  void* data_ = nullptr;
};

/// Throws std::runtime_error: `weft: <what>`, and what HDF5 has said last.
[[noreturn]] void throw_hdf5(const std::string& what);

/// A handle, closed at the end.
class hdf5_id {
 public:
  using closer = herr_t (*)(hid_t);
  hdf5_id() noexcept = default;
  hdf5_id(hid_t id, closer c) noexcept : id_(id), close_(c) {}
  hdf5_id(hdf5_id&& o) noexcept : id_(std::exchange(o.id_, H5I_INVALID_HID)), close_(o.close_) {}
  hdf5_id& operator=(hdf5_id o) noexcept {
    std::swap(id_, o.id_);
    std::swap(close_, o.close_);
    return *this;
  }
  ~hdf5_id() {
    if (id_ >= 0) close_(id_);
  }
  explicit operator bool() const noexcept { return id_ >= 0; }
  hid_t get() const noexcept { return id_; }
  /// Closes it now, since that may fail. True: it has been.
  bool close() noexcept { return close_(std::exchange(id_, H5I_INVALID_HID)) >= 0; }

 private:
  hid_t id_ = H5I_INVALID_HID;
  closer close_ = nullptr;
};

/// A file, by H5F_ACC_RDONLY or H5F_ACC_RDWR. HDF5 locks it against other programs until it is closed: many read it,
/// or one writes. Throws hdf5_in_use where another has it.
hdf5_id open_hdf5_file(const std::string& path, unsigned mode);
/// A new file, open to be written to; none where it cannot be made, or is there.
hdf5_id create_hdf5_file(const std::string& path);
/// The descriptor of an open file, which HDF5 keeps.
int descriptor_of(const hdf5_id& file, const std::string& path);
/// Room on the disk for so many bytes more, which HDF5 takes for what it makes next: 1.10 does not survive a file
/// that it cannot extend. While the file is open nobody else extends it.
class hdf5_reserve {
 public:
  /// Throws std::system_error where there is none. `file` must be open as long as this.
  hdf5_reserve(const hdf5_id& file, const std::string& path, std::uint64_t bytes);
  hdf5_reserve(const hdf5_reserve&) = delete;
  hdf5_reserve& operator=(const hdf5_reserve&) = delete;
  /// Gives it back where that has not been done, and where it can be.
  ~hdf5_reserve();
  /// Cuts off what was not taken. HDF5 cuts a file at its end only where it has not written up to there itself.
  /// Throws where it cannot write what was made.
  void give_back();

 private:
  const hdf5_id* file_;
  const std::string path_;
};
/// Closes a file that was written to. Throws where HDF5 cannot write all of it.
void finish_hdf5_file(hdf5_id& file, const std::string& path);
/// An object of any kind; none where there is none of that name.
hdf5_id find_hdf5_object(const hdf5_id& file, const std::string& name);
/// Not where its name is a link to another file.
bool lies_in(const hdf5_id& file, const hdf5_id& object);
/// Whether what is free in the file is kept, and used, by those who open it later.
bool keeps_free_room(const hdf5_id& file);
/// Where the elements of a dataset in one piece begin; none where it has no room for them yet. H5Dget_offset alone
/// does not tell: HDF5 1.10 adds a user block's bytes to an address that is none.
std::optional<std::uint64_t> offset_of_hdf5(const hdf5_id& file, const hdf5_id& dataset);

/// What an open file says of a dataset, but for its version. Throws where it is not of that type and shape.
hdf5_dataset look_into_hdf5(const hdf5_id& file, const std::string& path, const std::string& dataset,
                            const item_type& type, std::span<const std::size_t> shape);

/// The type of a dataset's elements, as h5py has them.
hdf5_id make_hdf5_type(const item_type& t);
/// Which numbers those of a type are. Throws std::runtime_error, which says what they are, for no numbers.
item_type item_type_of_hdf5(hid_t type, const std::string& name);

}  // namespace weft::detail::arrays
