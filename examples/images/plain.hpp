#pragma once

#include "idx.hpp"

namespace images {

/// What one thread finds by other means, without weft: the eigenvalues of the pixels' covariance, which are those of
/// classical scaling divided by the number of pictures (Gower, Biometrika 53, 1966).
struct plain_variances {
  double first = 0, second = 0, all = 0;
};

plain_variances plain_pass(const pictures& p);

}  // namespace images
