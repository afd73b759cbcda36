/// What the code of a pull's answer means for the next one.
enum PullOutcome {
  /// There are messages.
  case found
  /// There are none at the offset; the answer says where to go on (19 not found, 20 retry at once, 21 offset moved).
  case nothing
  /// The broker will not.
  case refused

  /// Reads a code.
  init(code: Int32) {
    switch code {
    case 0: self = .found
    case 19, 20, 21: self = .nothing
    default: self = .refused
    }
  }
}
