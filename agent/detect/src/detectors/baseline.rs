//! What is unlike the past of a principal and of its peers; the baselines themselves are in `baseline/`.

use super::Detector;
use crate::Kind;
use crate::account::Account;
use crate::policy::Policy;
use crate::teller::{Call, Observation, Teller, Touch};

pub(super) static DETECTOR: Detector = Detector {
    name: "baseline",
    kinds: &[Kind::Anomaly],
    thresholds: &[
        "baselines",
        "baseline_days",
        "baseline_surprise",
        "baseline_people",
        "baseline_rows",
        "max_baselines",
    ],
    on_event: None,
    on_touch: Some(on_touch),
    on_flow: None,
};

fn on_touch(
    o: &Observation<'_>,
    touch: &mut Touch<'_>,
    account: &mut Account,
    teller: &mut Teller<'_>,
    _policy: Option<&Policy>,
) {
    for (baseline, said) in std::mem::take(&mut touch.strange.verdicts) {
        let call = Call {
            detector: DETECTOR.name,
            kind: Kind::Anomaly,
            outcome: o.read_outcome(),
            window: true,
            reason_bit: u32::from(baseline),
        };
        teller.tell(o, touch, account, call, || said);
    }
}
