"""Names of factorisations, systems of equations and norms."""

from graphc.api.op import Op
from graphc.lib import decompose, norm, tridiagonal

ROWS = (
    Op("linalg.cholesky compat.v1.cholesky", "Cholesky", decompose.cholesky, "input"),
    Op("linalg.cholesky_solve compat.v1.cholesky_solve", "CholeskySolve", decompose.cholesky_solve, "chol rhs",
       label="cholesky_solve"),  # fmt: skip
    Op("linalg.qr compat.v1.qr", "Qr", decompose.qr, "input"),
    Op("linalg.svd compat.v1.svd", "Svd", decompose.svd, "tensor"),
    Op("linalg.eigh compat.v1.self_adjoint_eig", "SelfAdjointEigV2", decompose.eigh, "tensor"),
    Op("linalg.eigvalsh compat.v1.self_adjoint_eigvals", "SelfAdjointEigV2", decompose.eigvalsh, "tensor"),
    Op("linalg.eig eig", "Eig", decompose.eig, "tensor"),
    Op("linalg.eigvals eigvals", "Eig", decompose.eigvals, "tensor"),
    Op("linalg.inv compat.v1.matrix_inverse", "MatrixInverse", decompose.matrix_inverse, "input"),
    Op("linalg.det compat.v1.matrix_determinant", "MatrixDeterminant", decompose.matrix_determinant, "input"),
    Op("linalg.slogdet", "LogMatrixDeterminant", decompose.slogdet, "input"),
    Op("linalg.logdet", "Mul", decompose.logdet, "matrix", label="logdet"),
    Op("linalg.solve compat.v1.matrix_solve", "MatrixSolve", decompose.matrix_solve, "matrix rhs"),
    Op("linalg.triangular_solve compat.v1.matrix_triangular_solve", "MatrixTriangularSolve",
       decompose.triangular_solve, "matrix rhs",
       label="triangular_solve"),  # fmt: skip
    Op("linalg.lstsq compat.v1.matrix_solve_ls", "MatrixSolveLs", decompose.lstsq, "matrix rhs",
       label="matrix_solve_ls"),  # fmt: skip
    Op("linalg.lu", "Lu", decompose.lu, "input"),
    Op("linalg.lu_solve", "MatrixTriangularSolve", decompose.lu_solve, "lower_upper rhs | perm", label="lu_solve"),
    Op("linalg.lu_reconstruct", "GatherV2", decompose.lu_reconstruct, "lower_upper | perm", label="lu_reconstruct"),
    Op("linalg.lu_matrix_inverse", "MatrixTriangularSolve", decompose.lu_matrix_inverse, "lower_upper | perm",
       label="lu_matrix_inverse"),  # fmt: skip
    Op("linalg.pinv", "MatMul", decompose.pinv, "a", label="pinv"),
    Op("linalg.matrix_rank", "Sum", decompose.matrix_rank, "a", label="matrix_rank"),
    Op("linalg.expm", "MatrixExponential", decompose.expm, "input", label="matrix_exponential"),
    Op("linalg.logm", "MatrixLogarithm", decompose.logm, "input"),
    Op("linalg.sqrtm matrix_square_root compat.v1.matrix_square_root", "MatrixSquareRoot", decompose.sqrtm, "input"),
    Op("linalg.norm norm", "Sqrt", norm.norm, "tensor", label="norm"),
    Op("linalg.normalize", "RealDiv", norm.normalize, "tensor", label="normalize"),
    Op("linalg.tridiagonal_matmul", "TridiagonalMatMul", tridiagonal.tridiagonal_matmul, "*diagonals rhs"),
    Op("linalg.tridiagonal_solve", "TridiagonalSolve", tridiagonal.tridiagonal_solve, "*diagonals rhs",
       arguments="diagonals rhs diagonals_format transpose_rhs conjugate_rhs name partial_pivoting "
                 "perturb_singular"),  # fmt: skip
    Op("linalg.banded_triangular_solve", "BandedTriangularSolve", tridiagonal.banded_triangular_solve, "bands rhs"),
    Op("linalg.eigh_tridiagonal", "SelfAdjointEigV2", tridiagonal.eigh_tridiagonal, "alpha beta",
       label="eigh_tridiagonal"),  # fmt: skip
)
