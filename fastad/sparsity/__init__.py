"""Patterns, colourings and compressed matrices: the parts of `ad.sparse_jacobian` and `ad.sparse_hessian`."""

from fastad.sparsity.coloring import Coloring as Coloring
from fastad.sparsity.coloring import color_columns as color_columns
from fastad.sparsity.coloring import color_rows as color_rows
from fastad.sparsity.coloring import color_symmetric as color_symmetric
from fastad.sparsity.compression import Recovery as Recovery
from fastad.sparsity.functions import compressed_hessian as compressed_hessian
from fastad.sparsity.functions import compressed_jacobian as compressed_jacobian
from fastad.sparsity.functions import hessian_pattern as hessian_pattern
from fastad.sparsity.functions import jacobian_pattern as jacobian_pattern
