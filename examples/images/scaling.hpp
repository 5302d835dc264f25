#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "idx.hpp"
#include "weft/values.hpp"

/// Classical multidimensional scaling (Torgerson, Psychometrika 17, 1952): from the distances of all pairs to the
/// axes along which they differ most, which are the leading eigenvectors of B = -1/2 J D J, where D are the squared
/// distances and J takes away the mean. Cut into functions that are tasks: plain functions of plain aggregates.
namespace images {

/// Pictures that stand side by side; a pixel has 16 bits, as the processor multiplies them.
struct strip {
  std::size_t first = 0, count = 0, pixels = 0;
  std::vector<std::int16_t> grey;
};
strip cut(const pictures& p, std::size_t first, std::size_t count);

/// The part of D between two strips. D is symmetric: only blocks with row <= column are made.
struct block {
  std::size_t row = 0, column = 0, rows = 0, columns = 0;
  std::vector<float> squared;
};
block distances(const strip& a, const strip& b);

/// What a block adds to a product with D: to its rows and, unless it stands on the diagonal, to its columns.
struct partial {
  std::size_t row = 0, column = 0;
  std::vector<double> to_rows, to_columns;
};
partial row_sums(const block& d);

struct centre {
  std::vector<double> means;  // of the rows of D
  double mean = 0;            // of all of D
};
centre average(weft::values<partial> sums, std::size_t pictures);

/// How many eigenvectors are followed. Those beyond the two asked for make these two converge sooner.
constexpr std::size_t axes = 6;

struct basis {
  std::vector<double> vectors;       // `axes` numbers for each picture; as vectors they are orthonormal
  std::array<double, axes> found{};  // eigenvalues of B, as far as the basis before this one has them, largest first
};
basis start(std::size_t pictures);
partial multiply(const block& d, const centre& c, const basis& v);
/// One step of orthogonal iteration with Rayleigh and Ritz (Golub, Van Loan, Matrix Computations, 8.2.4), given B v.
basis improve(weft::values<partial> products, const basis& v);

}  // namespace images
