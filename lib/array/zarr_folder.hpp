#pragma once

#include <filesystem>
#include <string>

/// The folders of Zarr stores, as a store is written: beside its place, and put there once it is whole. These calls
/// block, and throw std::filesystem::filesystem_error beside what they say.
namespace weft::detail::arrays {

/// Absolute, and without separators at its end. Links and ".." are left to the system, which follows them in order.
std::filesystem::path folder_of(const std::string& path);

/// Where a store at `path` is written: folder_of, and where something is there already, that itself and no link to
/// it.
std::filesystem::path place_of_store(const std::string& path);

/// Whether a folder, and no link to one, holds a Zarr array: a `zarr.json` whose node_type says so, or without one a
/// `.zarray`. A group is none, nor is a `zarr.json` that is no JSON.
bool holds_zarr_array(const std::filesystem::path& folder);

/// What a store has beside its folder while it is replaced. While it is written it is unfinished_beside(folder,
/// number).
std::filesystem::path replaced_beside(const std::filesystem::path& folder);

/// Makes room for the unfinished store: removes what other calls left of one, of which one that writes yet fails
/// then. Throws std::runtime_error when a store cannot come to `folder`: something is there, which is not to be
/// overwritten or is no Zarr array, or replaced_beside(folder) is somebody else's.
void prepare_place(const std::filesystem::path& folder, bool overwrite);

/// Puts the unfinished store in its place, without the files of late writers that are not renamed yet, for which all
/// its names are read. Throws as prepare_place, and when it is not there any more. Between two renames there is no
/// store at the place: the old one is replaced_beside(folder).
void put_in_place(const std::filesystem::path& unfinished, const std::filesystem::path& folder, bool overwrite);

/// Removes a store, its metadata last, so that what is left where this is ended is still known for one.
void remove_store(const std::filesystem::path& folder);

}  // namespace weft::detail::arrays
