import ApusProtocol

extension Command {
  /// The number that a field says; nil when it is absent or says none.
  func int64(_ name: String) -> Int64? { self[name].flatMap { Int64($0) } }
}
