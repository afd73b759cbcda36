/// Sums and differences of numbers that servers tell. One that does not fit stays at the end of the range: no answer
/// may end the tool.
extension FixedWidthInteger where Self: SignedInteger {
  /// The sum of both.
  func clampedAdding(_ other: Self) -> Self {
    let (sum, isBeyond) = addingReportingOverflow(other)
    return isBeyond ? (other < 0 ? .min : .max) : sum
  }

  /// This without the other.
  func clampedSubtracting(_ other: Self) -> Self {
    let (difference, isBeyond) = subtractingReportingOverflow(other)
    return isBeyond ? (other < 0 ? .max : .min) : difference
  }
}
