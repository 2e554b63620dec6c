import Dialects
import Inventory

extension MetadataService {
  /// What becomes of a request.
  public enum Outcome: Sendable {
    case answer(GuestAnswer)
    case wait(Pending)
  }

  /// A request that cannot be answered at once; give it to ``MetadataService/finish(_:)``.
  ///
  /// An object, for few outcomes have one and all would be as large.
  public final class Pending: Sendable {
    enum Reason: Sendable {
      /// The store is still being read, and must be asked itself.
      case unreadCatalog
      /// The refusal, where it has been told of already.
      case unknownCaller(Refusal?)
      case vendorData(InstanceView)
      case passwordPost(InstanceView)
      /// The token that is shown was sealed with a key that is perhaps in the store.
      case tokenKeys(InstanceView)
      /// The guest has the answer already, and waits for another.
      case change(InstanceID, ChangeQuery)
    }
    let request: GuestRequest
    let destination: Destination
    let reason: Reason

    init(request: GuestRequest, destination: Destination, reason: Reason) {
      self.request = request
      self.destination = destination
      self.reason = reason
    }
  }
}

extension GuestAnswer {
  /// The answer, with the dialect that it counts for.
  func counted(for destination: Destination) -> GuestAnswer {
    guard instance != nil, dialect == nil, let dialect = destination.dialect else { return self }
    return GuestAnswer(self, dialect: dialect.name)
  }
}
