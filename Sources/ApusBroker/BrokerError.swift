package import ApusBase
package import ApusStore
package import ApusSystem

/// Why a broker cannot run, or did not end as it should.
package enum BrokerError: Error, CustomStringConvertible {
  /// The store cannot be opened.
  case store(StoreError)
  /// A configuration file of the store cannot be read.
  case files(ConfigFileError)
  /// The device failed.
  case disk(DiskError)
  /// The machine refused something.
  case system(SystemError)
  /// A setting cannot be used.
  case setting(String)
  /// The broker has stopped and no message is lost, but not all files beside the log could be saved; the index, about
  /// which the log says more, is not among these.
  case unsaved([DiskError])

  /// Whether another process has the store open.
  package var isStoreInUse: Bool {
    if case .store(.inUse) = self { return true }
    return false
  }

  /// One line for the operator.
  package var description: String {
    switch self {
    case .store(let error): "\(error)"
    case .files(let error): "\(error)"
    case .disk(let error): "\(error)"
    case .system(let error): "\(error)"
    case .setting(let reason): reason
    case .unsaved(let failures):
      "not everything beside the log could be saved: "
        + (failures.isEmpty ? "the index" : failures.map(\.description).joined(separator: "; "))
    }
  }
}
