//! Additions written out step by step.

use super::digits::{Noise, padded};
use kleiber_core::rng::Rng;

/// Right digits and carries, least significant first, with noise where asked for.
struct Steps {
    /// Digits of both operands, 0 beyond their length.
    pairs: Vec<(u8, u8)>,
    /// True carry into each step.
    carry_in: Vec<u8>,
    /// Digit and carry as written.
    digits: Vec<u8>,
    carries: Vec<u8>,
    /// True last carry.
    last: u8,
}

fn steps(a: u128, b: u128, noise: Noise, rng: &mut Rng) -> Steps {
    let reversed = |n: u128| {
        let mut digits = padded(n, 1);
        digits.reverse();
        digits
    };
    let (a, b) = (reversed(a), reversed(b));
    let mut steps = Steps { pairs: Vec::new(), carry_in: Vec::new(), digits: Vec::new(), carries: Vec::new(), last: 0 };
    for i in 0..a.len().max(b.len()) {
        let pair = (a.get(i).copied().unwrap_or(0), b.get(i).copied().unwrap_or(0));
        let sum = pair.0 + pair.1 + steps.last;
        steps.pairs.push(pair);
        steps.carry_in.push(steps.last);
        steps.last = sum / 10;
        let wrong_digit = matches!(noise, Noise::A | Noise::Ac);
        let wrong_carry = matches!(noise, Noise::C | Noise::Ac);
        steps.digits.push(if wrong_digit { rng.below(10) as u8 } else { sum % 10 });
        steps.carries.push(if wrong_carry { rng.below(2) as u8 } else { sum / 10 });
    }
    steps
}

/// `A->5 , C->1` for each digit from the right, then the sum.
pub(super) fn simplified(a: u128, b: u128, noise: Noise, rng: &mut Rng) -> (String, String) {
    let steps = steps(a, b, noise, rng);
    let lines: Vec<String> =
        steps.digits.iter().zip(&steps.carries).map(|(digit, carry)| format!("A->{digit} , C->{carry}")).collect();
    (format!("Input:\n{a}+{b}\nTarget:\n"), format!("{}.\n{}\n", lines.join("\n"), a + b))
}

/// The sum behind the steps of [`simplified`].
pub(super) fn read_simplified(completion: &str) -> Option<u128> {
    completion.split_once(".\n")?.1.lines().next()?.trim().parse().ok()
}

/// The remaining operands, the partial answer and the carry at every step. The comma that is missing before the last
/// `C` is missing in the published files.
pub(super) fn detailed(a: u128, b: u128, noise: Noise, rng: &mut Rng) -> (String, String) {
    let list = |digits: &[u8]| {
        let texts: Vec<String> = digits.iter().map(u8::to_string).collect();
        format!("[{}]", texts.join(","))
    };
    let (x, y) = (padded(a, 1), padded(b, 1));
    let steps = steps(a, b, noise, rng);
    let mut text = String::from("<scratch>\n");
    for operand in [&x, &y] {
        text += &format!("{} has {} digits.\n", list(operand), operand.len());
    }
    let mut written: Vec<u8> = Vec::new();
    let mut carry = 0;
    for (i, &(p, q)) in steps.pairs.iter().enumerate() {
        let left = |digits: &[u8]| list(&digits[..digits.len().saturating_sub(i)]);
        let sum = p + q + steps.carry_in[i];
        let (digit, next) = (steps.digits[i], steps.carries[i]);
        text += &format!("{} + {} , A={} , C={carry} , ", left(&x), left(&y), list(&written));
        text += &format!("{p}+{q}+{}={sum} , A->{digit} , C->{next}\n", steps.carry_in[i]);
        written.insert(0, digit);
        carry = next;
    }
    text += &format!("[] + [] , A={} C={carry} , END\n</scratch>\n", list(&written));
    let sum: Vec<String> = padded(a + b, 1).iter().map(u8::to_string).collect();
    text += &format!("{}\n", sum.join(" "));
    (format!("Input:\n{a}+{b}\nTarget:\n"), text)
}

/// The sum behind the steps of [`detailed`].
pub(super) fn read_detailed(completion: &str) -> Option<u128> {
    completion.split_once("</scratch>\n")?.1.lines().next()?.replace(' ', "").parse().ok()
}

/// Every step repeats what remains of the operands, so that each looks like a shorter addition.
pub(super) fn recursive(a: u128, b: u128, noise: Noise, rng: &mut Rng) -> (String, String) {
    let (x, y) = (a.to_string(), b.to_string());
    let steps = steps(a, b, noise, rng);
    let left = |text: &str, i: usize| text[..text.len().saturating_sub(i)].to_string();
    let mut text = String::new();
    let mut carry = 0;
    for (i, &(p, q)) in steps.pairs.iter().enumerate() {
        let sum = p + q + steps.carry_in[i];
        let (digit, next) = (steps.digits[i], steps.carries[i]);
        text += &format!("A={}, B={}, C={carry} -> ", left(&x, i), left(&y, i));
        text += &format!("{p}+{q}+{}={sum}, d={digit}, C={next}; ", steps.carry_in[i]);
        carry = next;
    }
    text += &format!("A=, B=, C={} => {}\n", if noise == Noise::None { steps.last } else { carry }, a + b);
    (format!("{a}+{b}: "), text)
}

/// The sum behind the steps of [`recursive`].
pub(super) fn read_recursive(completion: &str) -> Option<u128> {
    completion.split_once("=> ")?.1.lines().next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rng() -> Rng {
        Rng::new(0, "scratchpad", 0)
    }

    #[test]
    fn the_published_example_is_written_as_published() {
        let (prompt, answer) = simplified(128, 367, Noise::None, &mut rng());
        assert_eq!(prompt, "Input:\n128+367\nTarget:\n");
        assert_eq!(answer, "A->5 , C->1\nA->9 , C->0\nA->4 , C->0.\n495\n");
        let (_, answer) = detailed(128, 367, Noise::None, &mut rng());
        assert_eq!(
            answer,
            "<scratch>\n[1,2,8] has 3 digits.\n[3,6,7] has 3 digits.\n\
             [1,2,8] + [3,6,7] , A=[] , C=0 , 8+7+0=15 , A->5 , C->1\n\
             [1,2] + [3,6] , A=[5] , C=1 , 2+6+1=9 , A->9 , C->0\n\
             [1] + [3] , A=[9,5] , C=0 , 1+3+0=4 , A->4 , C->0\n\
             [] + [] , A=[4,9,5] C=0 , END\n</scratch>\n4 9 5\n"
        );
        let (prompt, answer) = recursive(239, 821, Noise::None, &mut rng());
        assert_eq!(
            prompt + &answer,
            "239+821: A=239, B=821, C=0 -> 9+1+0=10, d=0, C=1; A=23, B=82, C=1 -> 3+2+1=6, d=6, C=0; \
             A=2, B=8, C=0 -> 2+8+0=10, d=0, C=1; A=, B=, C=1 => 1060\n"
        );
    }

    #[test]
    fn every_scratchpad_reads_back_whatever_the_noise() {
        for noise in [Noise::None, Noise::A, Noise::C, Noise::Ac] {
            for (a, b) in [(0, 0), (9, 9), (999, 1), (5, 12345), (10u128.pow(20), 7)] {
                assert_eq!(read_simplified(&simplified(a, b, noise, &mut rng()).1), Some(a + b));
                assert_eq!(read_detailed(&detailed(a, b, noise, &mut rng()).1), Some(a + b));
                assert_eq!(read_recursive(&recursive(a, b, noise, &mut rng()).1), Some(a + b));
            }
        }
        assert_eq!(read_detailed("</scratch>\nno\n"), None);
    }
}
