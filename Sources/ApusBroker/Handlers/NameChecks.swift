import ApusBase
import ApusModel
import ApusProtocol

extension GroupName {
  /// Refuses a name that no group may have.
  static func check(_ name: RawSpan) throws(Refusal) {
    do throws(NameFault) { try validate(name) } catch { throw Refusal(.systemError, remark(error)) }
  }

  /// Refuses a name that no group may have.
  static func check(_ name: String) throws(Refusal) { try check(Array(name.utf8).rawSpan) }

  /// Refuses what no client may be a member of: a name of blanks, and one that is longer than any group's. Characters
  /// that Java's clients do not allow are those of others: producers with such groups send and end transactions.
  static func checkMembership(of name: String) throws(Refusal) {
    guard name.utf8.contains(where: { $0 > UInt8(ascii: " ") }) else { throw Refusal(.systemError, remark(.blank)) }
    guard name.utf8.count <= maxLength else { throw Refusal(.systemError, remark(.tooLong)) }
  }
}

extension TopicName {
  /// Refuses a name that no topic may have.
  static func check(_ name: RawSpan) throws(Refusal) {
    do throws(NameFault) { try validate(name) } catch { throw Refusal(.systemError, remark(error)) }
  }

  /// Refuses a name that no topic may have.
  static func check(_ name: String) throws(Refusal) { try check(Array(name.utf8).rawSpan) }
}
