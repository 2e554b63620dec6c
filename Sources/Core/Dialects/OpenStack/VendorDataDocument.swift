import Inventory
import OrderedCollections

/// OpenStack's two vendor data documents.
enum VendorDataDocument {
  /// vendor_data.json: the daemon's static data with the instance's own laid over it, key by key.
  static func first(_ input: RenderInput) -> JSONValue {
    let common = input.settings.vendorData
    guard let own = input.view.instance.vendorData else { return common }
    guard let members = own.object, var merged = common.object else { return own }
    merged.merge(members) { _, own in own }
    return .object(merged)
  }

  /// vendor_data2.json: the first document as `static`, and each dynamic target's answer under the
  /// target's name.
  static func second(_ input: RenderInput) -> JSONValue {
    var members: OrderedDictionary<String, JSONValue> = ["static": first(input)]
    members.merge(input.dynamicVendorData.map { ($0.name, $0.answer) }) { first, _ in first }
    return .object(members)
  }
}
