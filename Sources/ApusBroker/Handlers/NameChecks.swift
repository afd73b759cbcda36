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
}

extension TopicName {
  /// Refuses a name that no topic may have.
  static func check(_ name: RawSpan) throws(Refusal) {
    do throws(NameFault) { try validate(name) } catch { throw Refusal(.systemError, remark(error)) }
  }

  /// Refuses a name that no topic may have.
  static func check(_ name: String) throws(Refusal) { try check(Array(name.utf8).rawSpan) }
}
