// Directions of the latent space along which images change most, computed from the weights by SeFa as in
// dcgan_hub/networks/directions.py: the leading eigenvectors of M M', where M has side by side all matrices that are
// multiplied with the latents, each in units of normalized features. Z latent dimensions.

const MAX_FACTORIZED_DIM = 128;  // the time grows with its third power
const MOST_SWEEPS = 30, CONVERGED = 1e-22;  // of the squares beside the diagonal, compared to those on it

// Kernels of dense layers that read the latents, with the square of what each of their columns is multiplied with.
function latentMatrices(settings, weights) {
  const {sizes, widths} = sizesAndWidths(settings), channels = widths.at(-1), positions = product(sizes.at(-1));
  const variance = weights.get("project_normalize/moving_variance"), gamma = weights.get("project_normalize/gamma");
  // Of the first layer a channel has a column for each position, and counts once.
  const squares = Float64Array.from({length: channels * positions}, (_, column) => {
    const i = column % channels;
    return (variance ? gamma[i] ** 2 / (variance[i] + NORMALIZATION_EPSILON) : 1) / positions;
  });
  const further = [...weights.keys()].filter((name) => /(_(scale|shift)|^palette)\/kernel$/.test(name)).map((name) => weights.get(name));
  const ones = (kernel) => new Float64Array(kernel.length / conditionedDim(settings)).fill(1);
  return [{kernel: weights.get("project/kernel"), squares}, ...further.map((kernel) => ({kernel, squares: ones(kernel)}))];
}

// M M', as Z Float64Arrays (Z).
function latentProducts(settings, weights) {
  const dim = settings.latent_dim, sums = range(dim).map(() => new Float64Array(dim));
  for (const {kernel, squares} of latentMatrices(settings, weights)) {
    for (let row = 0; row < dim; row++) {
      for (let other = 0; other <= row; other++) {
        let left = row * squares.length, right = other * squares.length, sum = 0;
        for (let column = 0; column < squares.length; column++) sum += kernel[left++] * kernel[right++] * squares[column];
        sums[row][other] = sums[other][row] += sum;
      }
    }
  }
  return sums;
}

// Eigenvectors of a symmetric matrix, which is used up, those of the largest eigenvalues first: Jacobi's cyclic method,
// which turns two axes at a time so that the element between them vanishes (Golub & Van Loan, Matrix Computations, 8.5).
function eigenvectors(matrix) {
  const dim = matrix.length, vectors = range(dim).map((row) => new Float64Array(dim).fill(1, row, row + 1));
  const isDiagonal = () => {
    let beside = 0, on = 0;
    for (let row = 0; row < dim; row++) {
      on += matrix[row][row] ** 2;
      for (let column = 0; column < row; column++) beside += matrix[row][column] ** 2;
    }
    return beside <= CONVERGED * on;
  };
  const turn = (one, other, cosine, sine) => {
    for (let i = 0; i < dim; i++) {
      const x = one[i], y = other[i];
      one[i] = cosine * x - sine * y;
      other[i] = sine * x + cosine * y;
    }
  };
  for (let sweep = 0; sweep < MOST_SWEEPS && !isDiagonal(); sweep++) {
    for (let p = 1; p < dim; p++) {
      for (let q = 0; q < p; q++) {
        if (matrix[p][q] === 0) continue;
        const ratio = (matrix[q][q] - matrix[p][p]) / (2 * matrix[p][q]);
        const tangent = Math.sign(ratio || 1) / (Math.abs(ratio) + Math.hypot(ratio, 1));
        const cosine = 1 / Math.hypot(tangent, 1), sine = tangent * cosine;
        turn(matrix[p], matrix[q], cosine, sine);  // the rows, and then the columns
        for (const row of matrix) [row[p], row[q]] = [cosine * row[p] - sine * row[q], sine * row[p] + cosine * row[q]];
        turn(vectors[p], vectors[q], cosine, sine);
      }
    }
  }
  return range(dim).sort((one, other) => matrix[other][other] - matrix[one][one]).map((index) => vectors[index]);
}

// Float32Arrays (Z) of norm 1 whose largest component is positive, at most `MAX_DIRECTIONS`; none of a larger Z than
// `MAX_FACTORIZED_DIM`. `weights` are those of `readWeights`.
function findDirections(settings, weights) {
  if (settings.latent_dim > MAX_FACTORIZED_DIM) return [];
  return eigenvectors(latentProducts(settings, weights)).slice(0, MAX_DIRECTIONS).map((vector) => {
    const largest = vector.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
    const length = norm(vector) * Math.sign(largest);
    return Float32Array.from(vector, (value) => value / length);
  });
}
