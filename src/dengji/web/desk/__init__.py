"""The agency's desk: the queue, a case with all that belongs to it, and every act by a form (登记机构工作台)."""
