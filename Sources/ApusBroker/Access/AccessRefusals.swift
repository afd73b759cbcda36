import ApusAccess
import ApusProtocol

extension Refusal {
  /// A change of access control that was not made, with the code that says which.
  init(_ code: ResponseCode, _ error: AccessFiles.ChangeError, unknown: String) {
    switch error {
    case .file(let error): self.init(code, error.line > 0 ? "\(error)" : error.reason)
    case .system(let error): self.init(code, "the access control file cannot be written: \(error)")
    case .unknownAccount, .unknownFile: self.init(code, unknown)
    }
  }
}
