#pragma once

/// Parallel arrays, as NumPy and Dask have them. Needs weft::array, and xtensor. docs/arrays.md is about them.
#include "weft/array/along.hpp"
#include "weft/array/axes.hpp"
#include "weft/array/choices.hpp"
#include "weft/array/chunk_index.hpp"
#include "weft/array/chunks.hpp"
#include "weft/array/count.hpp"
#ifndef WEFT_WITHOUT_BLAS
#include "weft/array/covariance.hpp"
#endif
#include "weft/array/create.hpp"
#include "weft/array/cumulative.hpp"
#include "weft/array/difference.hpp"
#include "weft/array/distributions.hpp"
#include "weft/array/elementwise.hpp"
#include "weft/array/fft.hpp"
#include "weft/array/files.hpp"
#include "weft/array/fold.hpp"
#include "weft/array/functions.hpp"
#ifndef WEFT_WITHOUT_HDF5
#include "weft/array/hdf5.hpp"
#endif
#include "weft/array/index.hpp"
#include "weft/array/insert.hpp"
#include "weft/array/join.hpp"
#ifndef WEFT_WITHOUT_BLAS
#include "weft/array/linear.hpp"
#endif
#include "weft/array/lookup.hpp"
#include "weft/array/map.hpp"
#include "weft/array/matrices.hpp"
#include "weft/array/norm.hpp"
#include "weft/array/pad.hpp"
#include "weft/array/places.hpp"
#include "weft/array/quantile.hpp"
#include "weft/array/random.hpp"
#include "weft/array/raw.hpp"
#include "weft/array/rechunk.hpp"
#include "weft/array/reduce.hpp"
#include "weft/array/reduce_blocks.hpp"
#include "weft/array/reshape.hpp"
#include "weft/array/sort.hpp"
#include "weft/array/take.hpp"
#include "weft/array/together.hpp"
#include "weft/array/views.hpp"
#include "weft/array/windows.hpp"
#include "weft/array/zarr.hpp"
