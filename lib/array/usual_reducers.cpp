// Reductions, cumulative sums and sorting of usual elements.
#include "weft/detail/array/orders.hpp"
#include "weft/detail/array/reducers.hpp"
#include "weft/detail/array/scanners.hpp"

namespace weft::detail::arrays {

#define WEFT_USUAL(T)                     \
  WEFT_DETAIL_USUAL_REDUCERS(T, template) \
  WEFT_DETAIL_USUAL_SCANNERS(T, template) \
  WEFT_DETAIL_USUAL_ORDERS(T, template)
WEFT_USUAL(double)
WEFT_USUAL(float)
WEFT_USUAL(std::int64_t)
WEFT_USUAL(std::int32_t)
WEFT_DETAIL_TRUTH_REDUCERS(template)

}  // namespace weft::detail::arrays
