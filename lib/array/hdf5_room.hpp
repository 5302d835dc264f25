#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "array/hdf5_file.hpp"
#include "array/item_type.hpp"

/// Datasets that are being written. These functions are as those of hdf5_file.hpp, and throw hdf5_in_use besides.
namespace weft::detail::arrays {

class hdf5_id;

/// A dataset as it is made: under another name in the root until it is whole, with an attribute that says who made
/// it.
struct hdf5_room {
  std::uint64_t offset = 0;  // of its elements, where they are in one piece
  std::uint64_t mark = 0;    // the attribute's value, another one for each
  bool new_file = false;
  /// Whether others use what is free in the file, and a task that comes late would write to what is theirs.
  bool free_is_used = false;
  std::uint64_t left =
      0;  // the mark of what a program that was ended has left, and was removed; null: there was none
};
/// How a dataset is to lie in its file.
struct hdf5_storage {
  std::vector<std::size_t> chunk = {};  // extents of its chunks; none: in one piece
  std::vector<hdf5_filter> filters = {};
  int level = 0;  // zlib's
};
/// The dataset's name as one in the root, so that no group has to be made before it is known what for. What HDF5
/// takes for the same name, with more slashes or a dot between them, is one.
std::string name_in_root(const std::string& dataset);
/// What it is called until then: another name for each dataset, `a%2Fb.unfinished` for `/a/b`.
std::string unfinished_name(const std::string& dataset);
/// And where it is left for good: `a%2Fb.00f1e2d3c4b5a697.unfinished`, with its mark.
std::string left_name(const std::string& dataset, std::uint64_t mark);
/// Makes a dataset of that type and shape there, whose elements anybody may write then where they are in one piece
/// (chunks are not there until HDF5 is given them), and the file where there is none. All of it is done in one
/// opening, so that no other call, nor program, has the file meanwhile. The room on the disk is reserved first:
/// HDF5 1.10 does not survive a file that it cannot extend. What a program that was ended has left of the dataset is
/// removed, and its room not used again: somebody may write there yet.
///
/// Throws std::system_error where there is no room, and std::runtime_error where there is a dataset of that name and
/// `overwrite` is not set, for another thing of that name, for a thing of the unfinished one's name that was not made
/// here, and for a file that is no HDF5 file. A new file is removed then.
hdf5_room make_hdf5_room(const std::string& path, const std::string& dataset, const item_type& type,
                         std::span<const std::size_t> shape, bool overwrite, std::uint64_t mark,
                         const hdf5_storage& how = {});
/// Throws where the room in an open file is not what make_hdf5_room has made.
void check_own_room(const hdf5_id& file, const std::string& path, const std::string& dataset, const hdf5_room& room);
/// Gives it its name, with the groups that this names. Throws as make_hdf5_room, and where it is not there any more.
void put_hdf5_in_place(const std::string& path, const std::string& dataset, const hdf5_room& room, bool overwrite);
/// Takes it away again, and a new file with it where nothing else is in it: that needs no room on the disk.
void give_up_hdf5_room(const std::string& path, const std::string& dataset, const hdf5_room& room);
/// Gives it a name of its own, left_name(dataset, mark), for good: somebody may write there yet.
void leave_hdf5_room(const std::string& path, const std::string& dataset, const hdf5_room& room);

}  // namespace weft::detail::arrays
