// Single operations on usual elements.
#include "weft/detail/array/usual_trees.hpp"

namespace weft::detail::arrays {

WEFT_DETAIL_USUAL_TREES(double, template)
WEFT_DETAIL_USUAL_TREES(float, template)
WEFT_DETAIL_USUAL_CASTS(template)
WEFT_DETAIL_USUAL_PLACES(double, template)
WEFT_DETAIL_USUAL_PLACES(float, template)
WEFT_DETAIL_USUAL_PLACES(std::int64_t, template)
WEFT_DETAIL_USUAL_PLACES(std::int32_t, template)

}  // namespace weft::detail::arrays
