"""Names of random numbers: streams by the global seed, streams by a seed alone, generators, initialisers."""

from graphc.api.generator import Algorithm, Generator, get_global_generator, set_global_generator
from graphc.api.initializers import NAMES
from graphc.api.op import Op
from graphc.lib import binomial, candidates, distributions, index_shuffle, random, stateless

_SAMPLED = "sampled_candidates true_expected_count sampled_expected_count"

ROWS = (
    Op("random.uniform", "RandomUniform", random.uniform, label="random_uniform", random=True),
    Op("random.normal", "RandomStandardNormal", random.normal, label="random_normal", random=True),
    Op("random.truncated_normal", "TruncatedNormal", random.truncated_normal, label="truncated_normal",
       random=True),
    Op("random.shuffle", "RandomShuffle", random.shuffle, "value", random=True),
    Op("random.categorical", "Multinomial", random.categorical, "logits", "categorical",
       random=True),
    Op("random.gamma", "RandomGamma", distributions.gamma, label="random_gamma", random=True),
    Op("random.poisson", "RandomPoissonV2", distributions.poisson, label="random_poisson", random=True),
    Op("raw_ops.ParameterizedTruncatedNormal", "ParameterizedTruncatedNormal", binomial.parameterized_truncated_normal,
       random=True, arguments="shape means stdevs=stddevs minvals maxvals seed name"),
    Op("random.uniform_candidate_sampler", "UniformCandidateSampler", candidates.uniform_candidate_sampler,
       "true_classes", random=True,
       parts=_SAMPLED),
    Op("random.log_uniform_candidate_sampler", "LogUniformCandidateSampler", candidates.log_uniform_candidate_sampler,
       "true_classes", random=True,
       parts=_SAMPLED),
    Op("random.learned_unigram_candidate_sampler nn.learned_unigram_candidate_sampler",
       "LearnedUnigramCandidateSampler", candidates.learned_unigram_candidate_sampler, "true_classes", random=True,
       parts=_SAMPLED),
    Op("random.fixed_unigram_candidate_sampler nn.fixed_unigram_candidate_sampler", "FixedUnigramCandidateSampler",
       candidates.fixed_unigram_candidate_sampler, "true_classes", random=True,
       parts=_SAMPLED),
    Op("random.all_candidate_sampler nn.all_candidate_sampler", "AllCandidateSampler",
       candidates.all_candidate_sampler, "true_classes", random=True,
       parts=_SAMPLED),
    Op("random.stateless_uniform", "StatelessRandomUniformV2", stateless.stateless_uniform,
       label="stateless_random_uniform"),
    Op("random.stateless_normal", "StatelessRandomNormalV2", stateless.stateless_normal,
       label="stateless_random_normal"),
    Op("random.stateless_truncated_normal", "StatelessTruncatedNormalV2", stateless.stateless_truncated_normal,
       label="stateless_truncated_normal"),
    Op("random.stateless_categorical", "StatelessMultinomial", stateless.stateless_categorical, "logits",
       label="stateless_categorical"),
    Op("random.stateless_gamma", "StatelessRandomGammaV3", stateless.stateless_gamma,
       label="stateless_random_gamma"),
    Op("random.stateless_poisson", "StatelessRandomPoisson", stateless.stateless_poisson,
       label="stateless_random_poisson"),
    Op("random.stateless_binomial", "StatelessRandomBinomial", stateless.stateless_binomial,
       label="stateless_random_binomial"),
    Op("random.stateless_parameterized_truncated_normal", "StatelessParameterizedTruncatedNormal",
       stateless.stateless_parameterized_truncated_normal),
    Op("random.experimental.stateless_shuffle", "StatelessShuffle", stateless.stateless_shuffle, "value"),
    Op("random.experimental.index_shuffle", "RandomIndexShuffle", index_shuffle.index_shuffle, "index max_index | seed",
       label="index_shuffle"),
    Op("random_index_shuffle", "RandomIndexShuffle", index_shuffle.random_index_shuffle, "index max_index | seed"),
    Op("random.split random.experimental.stateless_split", "StatelessSplit", stateless.split),
    Op("random.fold_in random.experimental.stateless_fold_in", "StatelessFoldIn", stateless.fold_in),
    Op("random.create_rng_state random.experimental.create_rng_state", "RngState", stateless.create_rng_state),
)  # fmt: skip

FUNCTIONS = {
    **NAMES,
    "random.Algorithm": Algorithm,
    "random.experimental.Algorithm": Algorithm,
    "random.Generator": Generator,
    "random.experimental.Generator": Generator,
    "random.get_global_generator": get_global_generator,
    "random.experimental.get_global_generator": get_global_generator,
    "random.set_global_generator": set_global_generator,
    "random.experimental.set_global_generator": set_global_generator,
}
