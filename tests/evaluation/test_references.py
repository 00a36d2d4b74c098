"""Every public function of `evaluation` is held by something that this project did not write.

That is another library, a published or hand-worked example, all cases counted one by one, or the share of simulated
intervals that hold the truth. A new function stands here with its test, or under NO_MEASURE with the reason.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import radiolens.evaluation

LIBRARIES = {"crepes": "crepes", "scikit-learn": "sklearn", "scipy": "scipy", "statsmodels": "statsmodels"}

REFERENCES: dict[str, tuple[str, str]] = {
    "agreement.agreement_of": ("scikit-learn", "test_kappa_is_that_of_scikit_learn"),
    "calibration.brier_score": ("scikit-learn", "test_the_brier_score_is_that_of_scikit_learn"),
    "calibration.expected_calibration_error": (
        "worked example",
        "test_the_calibration_error_is_the_mean_gap_weighted_by_cases",
    ),
    "calibration.fit_platt": (
        "scikit-learn",
        "test_temperature_and_bias_are_the_logistic_regression_of_scikit_learn",
    ),
    "calibration.fit_temperature": (
        "simulated truth",
        "test_each_finding_gets_the_temperature_its_labels_were_drawn_with",
    ),
    "calibration.log_loss": ("scikit-learn", "test_the_log_loss_is_that_of_scikit_learn"),
    "calibration.reliability_bins": ("scikit-learn", "test_reliability_bins_are_the_curve_of_scikit_learn"),
    "conformal.highest_left_out": ("scipy", "test_with_a_confidence_fewer_are_left_out_as_the_binomial_tail_says"),
    "conformal.p_values": ("crepes", "test_the_sets_of_exclusive_labels_are_those_of_crepes"),
    "controls.control_auroc": (
        "published figure",
        "test_adult_pneumonia_is_told_by_borders_and_brightness_as_well_as_the_data_sheet_says",
    ),
    "cut_offs.cut_offs": ("scikit-learn", "test_the_cut_offs_are_the_points_of_the_roc_curve"),
    "cut_offs.judged_cut_offs": (
        "worked example",
        "test_a_cut_off_tells_its_intervals_and_what_follows_in_a_thousand_patients",
    ),
    "decision_curve.decision_curve": ("worked example", "test_an_example_worked_by_hand"),
    "decision_curve.net_benefit": (
        "scikit-learn",
        "test_it_is_the_mean_utility_per_case_with_the_counts_of_scikit_learn",
    ),
    "decision_curve.net_benefit_of_all": (
        "published property",
        "test_treating_all_is_worth_nothing_at_a_threshold_of_the_prevalence",
    ),
    "discrimination.auprc": ("scikit-learn", "test_auprc_is_the_average_precision_of_scikit_learn"),
    "discrimination.auroc": ("scikit-learn", "test_auroc_is_that_of_scikit_learn"),
    "discrimination.confusion": ("scikit-learn", "test_the_measures_of_a_decision_are_those_of_scikit_learn"),
    "discrimination.confusion_matrix": ("scikit-learn", "test_macro_f1_and_the_matrix_are_those_of_scikit_learn"),
    "discrimination.macro_f1": ("scikit-learn", "test_macro_f1_and_the_matrix_are_those_of_scikit_learn"),
    "discrimination.precision_recall_curve": (
        "scikit-learn",
        "test_the_precision_recall_curve_is_that_of_scikit_learn_and_spans_the_auprc",
    ),
    "discrimination.roc_curve": (
        "scikit-learn",
        "test_the_roc_curve_is_that_of_scikit_learn_and_spans_the_auroc",
    ),
    "gain.auroc_gain": ("scikit-learn", "test_the_auroc_and_the_gain_are_those_of_scikit_learn"),
    "histogram.score_histogram": ("scipy", "test_each_side_is_counted_as_scipy_does"),
    "intervals.auroc_difference_interval": (
        "all pairs",
        "test_delong_by_midranks_equals_delong_by_pairs_with_ties",
    ),
    "intervals.auroc_difference_p_value": ("scipy", "test_the_p_value_of_a_difference_is_that_of_delong_by_pairs"),
    "intervals.auroc_interval": ("all pairs", "test_delong_by_midranks_equals_delong_by_pairs_with_ties"),
    "intervals.clustered_bootstrap_interval": (
        "simulated coverage",
        "test_measures_of_one_call_are_drawn_together_and_equal_those_of_the_plain_metric",
    ),
    "intervals.clustered_intervals": (
        "simulated coverage",
        "test_every_clustered_interval_covers_the_truth_as_often_as_it_says",
    ),
    "intervals.clustered_share_interval": (
        "statsmodels",
        "test_images_of_a_patient_make_an_effective_number_by_the_analysis_of_variance_of_scipy",
    ),
    "intervals.share_interval": (
        "published table",
        "test_the_interval_of_a_share_is_that_of_newcombe_1998_table_1",
    ),
    "operating_points.sensitivity_at_specificity": (
        "scikit-learn",
        "test_a_sensitivity_is_the_highest_point_of_scikit_learns_curve_at_that_specificity",
    ),
    "operating_points.specificity_at_sensitivity": (
        "scikit-learn",
        "test_a_specificity_is_the_furthest_point_left_at_that_sensitivity",
    ),
    "optimism.corrected": (
        "simulated coverage",
        "test_the_intervals_hold_the_truth_as_often_as_they_say_and_the_estimates_flatter_less",
    ),
    "paired.holm": ("statsmodels", "test_holm_is_that_of_statsmodels"),
    "paired.mcnemar": ("statsmodels", "test_mcnemar_is_the_exact_test_of_statsmodels"),
    "reader_study.reading_accuracy": (
        "statsmodels",
        "test_sensitivity_and_specificity_are_the_shares_and_wilson_intervals_of_statsmodels",
    ),
    "reader_study.switches": ("worked example", "test_switches_are_counted_by_where_they_end"),
    "predictive_values.npv_interval": (
        "simulated coverage",
        "test_the_intervals_hold_the_true_value_as_often_as_they_say",
    ),
    "predictive_values.number_needed_to_test": (
        "worked example",
        "test_the_number_needed_to_test_is_the_inverse_and_infinite_where_nothing_is_found",
    ),
    "predictive_values.ppv_interval": (
        "simulated coverage",
        "test_the_intervals_hold_the_true_value_as_often_as_they_say",
    ),
    "resampling.bootstrap_ends": ("scipy", "test_the_ends_are_those_of_scipys_bca_on_the_same_replicates"),
    "resampling.drawn_weights": (
        "known distribution",
        "test_every_draw_takes_as_many_whole_groups_as_there_are",
    ),
    "resampling.left_out_weights": ("worked example", "test_each_group_is_left_out_once"),
    "sample_size.shortfall": (
        "statsmodels",
        "test_it_says_how_many_are_missing_and_how_many_patients_bring_them",
    ),
    "selective.area_under_risk_coverage": (
        "published formula",
        "test_the_best_order_has_the_area_of_geifmans_closed_form",
    ),
    "selective.decision_confidence": ("scipy", "test_confidence_is_the_distance_from_the_threshold_in_log_odds"),
    "selective.risk_at_coverage": ("worked example", "test_19_of_20_are_kept_at_95_percent"),
    "selective.risk_coverage_curve": (
        "all orders",
        "test_cases_of_one_confidence_count_with_the_mean_over_all_their_orders",
    ),
    "targets.judge": ("worked example", "test_it_is_met_only_if_both_lower_bounds_reach_it"),
    "threshold_choice.thresholds_of": (
        "worked example",
        "test_specificity_to_spare_is_spent_until_one_absent_case_in_twenty_is_an_alarm",
    ),
    "threshold_choice.balanced": ("worked example", "test_weights_are_shared_by_sources_on_each_side"),
    "thresholds.threshold_at_specificity": (
        "all thresholds",
        "test_the_specificity_asked_for_is_reached_by_the_lowest_threshold_that_does",
    ),
    "thresholds.threshold_sensitive": (
        "all thresholds",
        "test_the_sensitive_threshold_is_the_lowest_that_spares_the_negatives_of_every_source",
    ),
    "thresholds.threshold_youden": (
        "scikit-learn",
        "test_the_youden_threshold_reaches_the_best_balanced_accuracy_of_the_roc_curve",
    ),
    **{
        f"weighted.{name}": ("scikit-learn", "test_areas_are_those_of_scikit_learn_with_sample_weights")
        for name in ("weighted_auroc", "weighted_auprc")
    },
    **{
        f"weighted.{name}": ("scikit-learn", "test_shares_and_f1_are_those_of_scikit_learn_with_sample_weights")
        for name in ("weighted_share", "weighted_macro_f1")
    },
    **{
        f"weighted.{name}": ("repeated rows", "test_a_weighted_measure_is_the_plain_one_on_repeated_rows")
        for name in (
            "weighted_area_under_risk_coverage",
            "weighted_balanced_accuracy",
            "weighted_metric",
            "weighted_risk_at_coverage",
            "weighted_sensitivity_at_specificity",
            "weighted_specificity_at_sensitivity",
        )
    },
    "weighted.weighted_ratio": ("worked example", "test_a_ratio_is_taken_on_the_same_samples_and_not_of_nothing"),
    "weighted.weighted_expected_calibration_error": (
        "worked example",
        "test_the_calibration_error_of_a_sample_keeps_the_bins_of_all_cases",
    ),
    "weighted.weighted_difference": ("worked example", "test_a_difference_is_taken_on_the_same_samples"),
    "weighted.weighted_mean_over_parts": ("worked example", "test_a_mean_over_parts_weighs_each_part_the_same"),
    "wilson.cases_for_half_width": (
        "statsmodels",
        "test_the_cases_of_a_half_width_are_the_fewest_that_a_search_finds",
    ),
    "wilson.cases_for_lower_bound": ("scipy", "test_the_cases_of_a_lower_bound_reach_it_as_often_as_asked"),
    "wilson.lower_bound_reaches": ("statsmodels", "test_the_lower_bound_is_reached_where_the_interval_says_so"),
    "wilson.wilson_bounds": (
        "statsmodels",
        "test_the_ends_are_those_of_statsmodels_and_of_the_interval_of_one_share",
    ),
    "within_folds.auroc_difference_within_folds": (
        "worked example",
        "test_the_difference_of_equal_scores_is_nought_and_of_better_ones_is_found",
    ),
    "within_folds.auroc_within_folds": (
        "simulated coverage",
        "test_the_interval_covers_what_a_score_reaches_on_new_patients",
    ),
    "within_folds.mean_interval": ("scipy", "test_the_mean_of_shuffles_has_students_interval"),
}
"""Of each function what it is compared with, and the test that does it."""

NO_MEASURE = {
    "calibration.bin_numbers": "deals cases out to bins",
    "calibration.checked_probabilities": "checks arguments",
    "conformal.answers_of": "lists answers",
    "controls.border_brightness_features": "describes pictures",
    "controls.out_of_fold_scores": "gives scores, which the measures judge",
    "controls.transferred_scores": "gives scores, which the measures judge",
    "cut_offs.midpoints": "lists thresholds",
    "discrimination.binary": "checks arguments",
    "heads.linear": "gives scores, which the measures judge",
    "heads.most_similar": "names images",
    "heads.nearest": "gives scores, which the measures judge",
    "heads.out_of_fold": "gives scores, which the measures judge",
    "heads.reduced": "describes pictures",
    "heads.transferred": "gives scores, which the measures judge",
    "intervals.not_defined": "is nan",
    "link.probabilities": "gives scores, which the measures judge",
    "plan_steps.offered_steps": "offers some of the cut-offs",
    "plan_steps.rule_of_step": "names a rule",
    "plan_profile.profile_of": "tells what the measures of a plan are",
    "plan_profile.rule_options": "names options",
    "reader_study.either": "joins two decisions",
    "subgroups.by_group": "applies a measure to parts",
    "subgroups.worst_group": "chooses one of several intervals",
    "threshold_plan.check_enough": "refuses arguments",
    "threshold_plan.plan_threshold": "puts the measures of the other modules together",
    "thresholds.choose": "chooses one of several cut-offs",
    "wilson.z_value": "is scipy's quantile",
}
"""Functions that measure nothing, with the reason."""

FOLDER = Path(radiolens.evaluation.__file__).parent
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
TESTS = {file: ast.parse(file.read_text(encoding="utf-8")) for file in sorted(Path(__file__).parent.glob("test_*.py"))}


def functions(tree: ast.Module) -> list[str]:
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]


def imported(tree: ast.Module) -> set[str]:
    """Return the packages that a module imports, and the names that it takes from radiolens.evaluation as a.b.

    A benchmark that the module imports counts as a part of it.
    """
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
            if node.module.startswith("benchmarks."):
                benchmark = BENCHMARKS / f"{node.module.removeprefix('benchmarks.')}.py"
                found |= imported(ast.parse(benchmark.read_text(encoding="utf-8")))
            found |= {f"{node.module.removeprefix('radiolens.evaluation.')}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
    return found


def test_every_public_function_has_a_reference_or_says_why_it_has_none() -> None:
    public = {
        f"{file.stem}.{name}"
        for file in FOLDER.glob("*.py")
        for name in functions(ast.parse(file.read_text(encoding="utf-8")))
    }
    assert public == REFERENCES.keys() | NO_MEASURE.keys()
    assert not REFERENCES.keys() & NO_MEASURE.keys()


@pytest.mark.parametrize("name", REFERENCES)
def test_the_reference_is_a_test_that_uses_both(name: str) -> None:
    by, test = REFERENCES[name]
    (tree,) = (tree for tree in TESTS.values() if test in functions(tree) and name in imported(tree))
    assert by not in LIBRARIES or LIBRARIES[by] in imported(tree)
